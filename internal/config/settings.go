package config

import "time"

// Process holds the settings that exist once, however many routes there are.
// Tags: yaml is the setting's name, default its default in the file's syntax,
// help its one line of documentation.
type Process struct {
	Listen  string `yaml:"listen" default:":8080" placeholder:"HOST:PORT" help:"Address to listen on."`
	TLSCert string `yaml:"tls-cert" placeholder:"FILE" help:"PEM certificate chain; with tls-key it makes the listener HTTPS (HTTP/1.1 and HTTP/2)."`
	TLSKey  string `yaml:"tls-key" placeholder:"FILE" help:"PEM private key of tls-cert."`

	StateDir      string `yaml:"state-dir" placeholder:"DIR" help:"Directory of the replay journal. Default: $STATE_DIRECTORY, else wssgate under $XDG_STATE_HOME, else under ~/.local/state."`
	ReplayJournal bool   `yaml:"replay-journal" default:"true" negatable:"" help:"Keep replay records on disk, so that a restart accepts nothing that was presented before it."`

	KeepOldKeys time.Duration `yaml:"keep-old-keys" default:"24h" zero:"" placeholder:"DURATION" help:"Time that a key still opens tickets after a newer one took its place in the keytab; 0s: none."`

	ClockSkew time.Duration `yaml:"clock-skew" default:"5m" placeholder:"DURATION" help:"Largest accepted difference between a client's clock and ours."`

	MaxMessage  Size `yaml:"max-message" default:"32MiB" placeholder:"SIZE" help:"Largest request or reply body."`
	MaxHeaders  Size `yaml:"max-headers" default:"32KiB" placeholder:"SIZE" help:"Largest HTTP header section."`
	MaxInFlight Size `yaml:"max-in-flight" default:"256MiB" placeholder:"SIZE" help:"Octets that all exchanges in progress may hold together, of messages, plaintext, replies and the index over their markup; what is over it is answered 503. An octet needs two octets of memory."`

	UnverifiedShare int           `yaml:"unverified-share" default:"75" placeholder:"PERCENT" help:"Part of max-in-flight for messages that are not verified yet."`
	ClientShare     int           `yaml:"client-share" default:"50" placeholder:"PERCENT" help:"Part of max-in-flight for the exchanges of one client address."`
	MinReadRate     Size          `yaml:"min-read-rate" default:"16KiB" placeholder:"SIZE" help:"Octets a second that a request has to arrive with if it is not to be dropped when its memory is needed for others."`
	BusyTimeout     time.Duration `yaml:"busy-timeout" default:"2s" placeholder:"DURATION" help:"Time that a request which arrives waits for memory before it is answered 503."`

	MaxConnections       int `yaml:"max-connections" default:"2048" placeholder:"NUMBER" help:"Most connections, and most exchanges in progress."`
	MaxClientConnections int `yaml:"max-client-connections" default:"512" placeholder:"NUMBER" help:"Most connections, and most exchanges in progress, of one client address."`

	ClientAddress  string   `yaml:"client-address" default:"connection" enum:"connection,x-forwarded-for,forwarded,proxy-protocol" placeholder:"SOURCE" help:"Where the address of a client is read: connection, or what trusted-proxies tell by x-forwarded-for, forwarded or proxy-protocol."`
	TrustedProxies []string `yaml:"trusted-proxies" placeholder:"ADDRESS" help:"Addresses or networks (10.0.0.0/8) of the proxies and load balancers that tell client-address."`

	TokenCache Size `yaml:"token-cache" default:"32MiB" placeholder:"SIZE" help:"Octets that remembered tokens of all routes may take (policies with token-once); one client's take 1/16 of it at most."`

	ReplayMemory Size `yaml:"replay-memory" default:"512MiB" placeholder:"SIZE" help:"Octets that replay records may take, a half for tickets and a half for signatures; taken when needed. One client may have three times as many records as there is room left for others."`

	RelativeNamespaces bool `yaml:"relative-namespaces" default:"false" negatable:"" help:"Accept XML namespace names without a scheme, which Canonical XML leaves undefined and CXF refuses; some WCF services have them."`

	HeaderTimeout   time.Duration `yaml:"header-timeout" default:"10s" placeholder:"DURATION" help:"Time to read an HTTP header section."`
	ReadTimeout     time.Duration `yaml:"read-timeout" default:"1m" placeholder:"DURATION" help:"Time to read a whole request."`
	WriteTimeout    time.Duration `yaml:"write-timeout" default:"1m" placeholder:"DURATION" help:"Time to write a reply."`
	IdleTimeout     time.Duration `yaml:"idle-timeout" default:"2m" placeholder:"DURATION" help:"Time that a connection may wait for its next request."`
	RefusalDelay    time.Duration `yaml:"refusal-delay" default:"50ms" placeholder:"DURATION" help:"Time after which a request of up to 128 KiB whose protection was refused is answered, whatever was wrong; that of larger ones doubles with their size."`
	ShutdownTimeout time.Duration `yaml:"shutdown-timeout" default:"15s" placeholder:"DURATION" help:"Time that exchanges in progress have to finish after SIGTERM."`

	LogFormat string `yaml:"log-format" default:"json" enum:"json,text" placeholder:"json|text" help:"Form of the log on standard error."`
	LogLevel  string `yaml:"log-level" default:"info" enum:"debug,info,warn,error" placeholder:"LEVEL" help:"Least level that is logged: debug, info, warn, error."`
}

// Route holds the settings of one route: what is accepted at a path, how it
// must be protected, and where it goes.
type Route struct {
	Path   string   `yaml:"path" default:"/" placeholder:"PATH" help:"Request path of the route, matched exactly."`
	Policy Policies `yaml:"policy" default:"Kerberos" placeholder:"NAME" help:"Required protection: Kerberos, KerberosOverTransport or KerberosToken, or several with commas; in the file also a mapping, or a list."`

	Standard string `yaml:"standard" default:"soap" placeholder:"soap|none" help:"What the route lets in: soap, messages that are protected as policy says; none, every message, as it is."`

	Addresses []string `yaml:"addresses" placeholder:"URL" help:"Public URLs of the route, as clients have them in wsa:To; a message whose protected wsa:To is another one is refused. Empty: none is."`
	WSATo     string   `yaml:"wsa-to" name:"wsa-to" env:"WSSGATE_WSA_TO" default:"when-present" enum:"when-present,required" placeholder:"when-present|required" help:"Whether a message must have a protected wsa:To, where the route has addresses."`

	Backend        string        `yaml:"backend" placeholder:"URL" help:"The plain SOAP service that verified messages go to."`
	BackendTimeout time.Duration `yaml:"backend-timeout" default:"30s" placeholder:"DURATION" help:"Time that the backend has for its whole reply."`

	Keytab          string `yaml:"keytab" placeholder:"FILE" help:"Keytab with the key of the service principal."`
	Service         string `yaml:"service" placeholder:"PRINCIPAL" help:"Service principal that tickets must be for; may be left out when the keytab holds only one."`
	KerberosService string `yaml:"kerberos-service" placeholder:"NAME" help:"Service of services: in the file, instead of keytab and service."`
	KerberosKey     string `yaml:"kerberos-key" default:"auto" enum:"auto,session,subkey" placeholder:"auto|session|subkey" help:"Which key of the token protects messages; auto is the authenticator's subkey, else the session key."`
	ChannelBindings string `yaml:"channel-bindings" default:"when-present" enum:"off,when-present,required" placeholder:"off|when-present|required" help:"Whether a token must be bound to the TLS connection that it comes by: when-present refuses one that is bound to another, required also one that is bound to none."`
	AllowRC4        bool   `yaml:"allow-rc4" name:"allow-rc4" env:"WSSGATE_ALLOW_RC4" default:"false" negatable:"" help:"Accept tickets and keys of type rc4-hmac."`

	ExactKvno      bool `yaml:"exact-kvno" default:"false" negatable:"" help:"Open a ticket only with the key of its own version number; otherwise older and newer keys of the keytab are tried too."`
	CheckAddresses bool `yaml:"check-addresses" default:"false" negatable:"" help:"Refuse a ticket that is bound to addresses when the client's is not among them."`

	TrustedRealms []string `yaml:"trusted-realms" placeholder:"REALM" help:"Realms whose word for a client is taken; empty: the service's own, and those that its KDC vouches for."`

	RealmSIDs []string `yaml:"realm-sids" name:"realm-sids" env:"WSSGATE_REALM_SIDS" placeholder:"REALM=SID" help:"Groups of which clients of other realms than the service's may be, for allowed-groups: REALM=S-1-5-21-… of a domain, or REALM=* for all; a realm that is not listed: none."`

	AllowedPrincipals []string `yaml:"allowed-principals" placeholder:"NAME@REALM" help:"Clients that may call; empty: every client with a valid ticket."`
	AllowedRealms     []string `yaml:"allowed-realms" placeholder:"REALM" help:"Realms whose clients may call; empty: every realm."`
	AllowedGroups     []string `yaml:"allowed-groups" placeholder:"SID" help:"Groups, as S-1-5-21-…, of which clients must have one by their ticket's PAC; empty: none is needed."`

	PrincipalHeader string   `yaml:"principal-header" default:"X-Wssgate-Principal" placeholder:"NAME" help:"HTTP header that tells the backend the client as name@REALM; empty: none."`
	RealmHeader     string   `yaml:"realm-header" placeholder:"NAME" help:"HTTP header that tells the backend the client's realm alone; empty: none."`
	PassHTTPHeaders []string `yaml:"pass-http-headers" name:"pass-http-headers" placeholder:"NAME" help:"Further HTTP request headers that are passed to the backend. Nothing protects them but TLS."`
	OtherHeaders    string   `yaml:"other-headers" default:"drop" enum:"drop,pass,refuse" placeholder:"drop|pass|refuse" help:"What happens to SOAP header blocks that the policy does not protect."`

	ContentPrefixes string   `yaml:"content-prefixes" default:"as-received" enum:"as-received,covered" placeholder:"as-received|covered" help:"Whether prefixes of qualified names in signed content, as in xsi:type, must be covered by the signature."`
	ContentQNames   []string `yaml:"content-qnames" name:"content-qnames" env:"WSSGATE_CONTENT_QNAMES" placeholder:"{NS}NAME" help:"Attributes and elements, beside xsi:type, whose values are qualified names."`

	TLSOffloaded bool `yaml:"tls-offloaded" default:"false" negatable:"" help:"TLS ends in front of wssgate: count plain HTTP as a protected channel."`
}

// Config is the effective configuration: every value is set and was checked.
type Config struct {
	Process `yaml:",inline"`
	// Services are what routes name with KerberosService.
	Services []Service `yaml:"services,omitempty"`
	// Routes has at least one element; paths are distinct.
	Routes []Route `yaml:"routes"`

	origins origins
	entries []string // where the file has each entry of routes:; nil without

	serviceEntries []string // as many as Services
}
