package config

import "time"

// Process holds the settings that exist once, however many routes there are.
// The tag yaml is a setting's name, default its default in the file's syntax.
// [Help] returns what each setting is for.
type Process struct {
	Server `yaml:",inline"`
	Relay  `yaml:",inline"`

	Admin               string   `yaml:"admin" default:"127.0.0.1:9180" placeholder:"HOST:PORT|unix:PATH|off"`
	AdminHosts          []string `yaml:"admin-hosts" placeholder:"HOST"`
	AdminAnywhere       bool     `yaml:"admin-anywhere" default:"false" negatable:""`
	AdminShowPrincipals bool     `yaml:"admin-show-principals" default:"false" negatable:""`

	AdminKeytab string `yaml:"admin-keytab" placeholder:"FILE"`

	AdminAllowedPrincipals []string `yaml:"admin-allowed-principals" placeholder:"NAME@REALM"`

	AuditLog string `yaml:"audit-log" placeholder:"FILE|stdout"`

	StateDir      string `yaml:"state-dir" placeholder:"DIR"`
	ReplayJournal bool   `yaml:"replay-journal" default:"true" negatable:""`

	KeepOldKeys time.Duration `yaml:"keep-old-keys" default:"24h" zero:"" placeholder:"DURATION"`

	Krb5Conf string `yaml:"krb5-conf" name:"krb5-conf" env:"WSSGATE_KRB5_CONF" placeholder:"FILE"`

	ClockSkew time.Duration `yaml:"clock-skew" default:"5m" placeholder:"DURATION"`

	MaxMessage  Size `yaml:"max-message" default:"32MiB" placeholder:"SIZE"`
	MaxInFlight Size `yaml:"max-in-flight" default:"256MiB" placeholder:"SIZE"`

	UnverifiedShare int           `yaml:"unverified-share" default:"75" placeholder:"PERCENT"`
	ClientShare     int           `yaml:"client-share" default:"50" placeholder:"PERCENT"`
	MinReadRate     Size          `yaml:"min-read-rate" default:"16KiB" placeholder:"SIZE"`
	BusyTimeout     time.Duration `yaml:"busy-timeout" default:"2s" placeholder:"DURATION"`

	ClientRate   int           `yaml:"client-rate" default:"0" zero:"" placeholder:"NUMBER"`
	ClientBurst  int           `yaml:"client-burst" default:"0" zero:"" placeholder:"NUMBER"`
	FailureRate  int           `yaml:"failure-rate" default:"0" zero:"" placeholder:"NUMBER"`
	FailurePause time.Duration `yaml:"failure-pause" default:"1m" placeholder:"DURATION"`

	TokenCache Size `yaml:"token-cache" default:"32MiB" placeholder:"SIZE"`

	ReplayMemory Size `yaml:"replay-memory" default:"512MiB" placeholder:"SIZE"`

	StateKeys                 string        `yaml:"state-keys" placeholder:"FILE"`
	StorePrefix               string        `yaml:"store-prefix" default:"wssgate" placeholder:"NAME"`
	StoreTimeout              time.Duration `yaml:"store-timeout" default:"250ms" placeholder:"DURATION"`
	StorePasswordFile         string        `yaml:"store-password-file" placeholder:"FILE"`
	StoreSentinelPasswordFile string        `yaml:"store-sentinel-password-file" placeholder:"FILE"`
	StoreCA                   string        `yaml:"store-ca" name:"store-ca" env:"WSSGATE_STORE_CA" placeholder:"FILE"`
	StoreCert                 string        `yaml:"store-cert" placeholder:"FILE"`
	StoreKey                  string        `yaml:"store-key" placeholder:"FILE"`
	ReplayDurability          string        `yaml:"replay-durability" default:"primary"`
	StoreReplicas             int           `yaml:"store-replicas" default:"0" zero:"" placeholder:"NUMBER"`

	MaxContexts        int           `yaml:"max-contexts" default:"100000" placeholder:"NUMBER"`
	MaxNegotiations    int           `yaml:"max-negotiations" default:"10000" placeholder:"NUMBER"`
	NegotiationTimeout time.Duration `yaml:"negotiation-timeout" default:"1m" placeholder:"DURATION"`

	RelativeNamespaces bool `yaml:"relative-namespaces" default:"false" negatable:""`

	WriteTimeout time.Duration `yaml:"write-timeout" default:"1m" placeholder:"DURATION"`
	RefusalDelay time.Duration `yaml:"refusal-delay" default:"50ms" placeholder:"DURATION"`
}

// Server holds the settings of [Process] that every server has, one that relays
// only too.
type Server struct {
	Listen  string `yaml:"listen" default:":8080" placeholder:"HOST:PORT"`
	TLSCert string `yaml:"tls-cert" placeholder:"FILE"`
	TLSKey  string `yaml:"tls-key" placeholder:"FILE"`

	TLSMinVersion string `yaml:"tls-min-version" name:"tls-min-version" env:"WSSGATE_TLS_MIN_VERSION" default:"1.2"`
	TLSClientCA   string `yaml:"tls-client-ca" name:"tls-client-ca" env:"WSSGATE_TLS_CLIENT_CA" placeholder:"FILE"`
	TLSClientAuth string `yaml:"tls-client-auth" name:"tls-client-auth" env:"WSSGATE_TLS_CLIENT_AUTH" default:"off"`

	MaxHeaders Size `yaml:"max-headers" default:"32KiB" placeholder:"SIZE"`

	MaxConnections       int `yaml:"max-connections" default:"2048" placeholder:"NUMBER"`
	MaxClientConnections int `yaml:"max-client-connections" default:"512" placeholder:"NUMBER"`

	ClientAddress  string   `yaml:"client-address" default:"connection" placeholder:"SOURCE"`
	TrustedProxies []string `yaml:"trusted-proxies" placeholder:"ADDRESS"`

	HeaderTimeout   time.Duration `yaml:"header-timeout" default:"10s" placeholder:"DURATION"`
	ReadTimeout     time.Duration `yaml:"read-timeout" default:"1m" placeholder:"DURATION"`
	IdleTimeout     time.Duration `yaml:"idle-timeout" default:"2m" placeholder:"DURATION"`
	ShutdownTimeout time.Duration `yaml:"shutdown-timeout" default:"15s" placeholder:"DURATION"`

	LogFormat string `yaml:"log-format" default:"json"`
	LogLevel  string `yaml:"log-level" default:"info" placeholder:"LEVEL"`
}

// Relay holds the settings of the KDC relay. Tags are those of [Process].
type Relay struct {
	KDCProxyPath     string `yaml:"kdc-proxy-path" placeholder:"PATH"`
	KDCWebSocketPath string `yaml:"kdc-websocket-path" name:"kdc-websocket-path" env:"WSSGATE_KDC_WEBSOCKET_PATH" placeholder:"PATH"`
	KDCListen        string `yaml:"kdc-listen" placeholder:"HOST:PORT"`
	BrowserClient    string `yaml:"browser-client" placeholder:"PATH"`

	KDCRealms       []string `yaml:"kdc-realms" placeholder:"REALM"`
	KDCRealmAliases []string `yaml:"kdc-realm-aliases" placeholder:"ALIAS=REALM"`

	KDCServers         []string `yaml:"kdc-servers" placeholder:"REALM=HOST"`
	KDCPasswordServers []string `yaml:"kdc-password-servers" placeholder:"REALM=HOST"`
	KDCKrb5Conf        string   `yaml:"kdc-krb5-conf" name:"kdc-krb5-conf" env:"WSSGATE_KDC_KRB5_CONF" placeholder:"FILE"`
	KDCDNS             bool     `yaml:"kdc-dns" name:"kdc-dns" env:"WSSGATE_KDC_DNS" default:"false" negatable:""`

	KDCOrigins    []string      `yaml:"kdc-origins" placeholder:"ORIGIN"`
	KDCTimeout    time.Duration `yaml:"kdc-timeout" default:"10s" placeholder:"DURATION"`
	KDCClientRate int           `yaml:"kdc-client-rate" default:"10" placeholder:"NUMBER"`
	KDCRealmRate  int           `yaml:"kdc-realm-rate" default:"1000" placeholder:"NUMBER"`
}

// Route holds the settings of one route: the path, the protection that messages
// must have, and the backend. Tags are those of [Process].
type Route struct {
	Path   string   `yaml:"path" default:"/" placeholder:"PATH"`
	Policy Policies `yaml:"policy" default:"Kerberos" placeholder:"NAME"`

	Standard string `yaml:"standard" default:"soap" placeholder:"soap|spnego-http|none"`
	Shadow   bool   `yaml:"shadow" default:"false" negatable:""`

	OnListeners []string `yaml:"on-listeners" placeholder:"NAME"`
	Hosts       []string `yaml:"hosts" placeholder:"HOST"`

	TokenLocation TokenLocations `yaml:"token-location" default:"security-header" placeholder:"PLACE"`

	Addresses []string `yaml:"addresses" placeholder:"URL"`
	WSATo     string   `yaml:"wsa-to" name:"wsa-to" env:"WSSGATE_WSA_TO" default:"when-present"`

	Addressing   string   `yaml:"addressing" default:"pass"`
	ReplyActions []string `yaml:"reply-actions" placeholder:"'ACTION ACTION'"`
	RewriteTo    string   `yaml:"rewrite-to" placeholder:"backend|URL"`

	MTOM string `yaml:"mtom" name:"mtom" env:"WSSGATE_MTOM" default:"inline"`

	Backend               Backends      `yaml:"backend" placeholder:"URL"`
	BackendTimeout        time.Duration `yaml:"backend-timeout" default:"30s" placeholder:"DURATION"`
	BackendConnectTimeout time.Duration `yaml:"backend-connect-timeout" default:"5s" placeholder:"DURATION"`

	BackendCA         string `yaml:"backend-ca" name:"backend-ca" env:"WSSGATE_BACKEND_CA" placeholder:"FILE"`
	BackendCert       string `yaml:"backend-cert" placeholder:"FILE"`
	BackendKey        string `yaml:"backend-key" placeholder:"FILE"`
	BackendServerName string `yaml:"backend-server-name" placeholder:"HOST"`

	WSDL        string   `yaml:"wsdl" name:"wsdl" env:"WSSGATE_WSDL" default:"refuse" placeholder:"refuse|backend|FILE"`
	WSDLImports []string `yaml:"wsdl-imports" name:"wsdl-imports" env:"WSSGATE_WSDL_IMPORTS" placeholder:"HOST"`
	WSDLAddress string   `yaml:"wsdl-address" name:"wsdl-address" env:"WSSGATE_WSDL_ADDRESS" placeholder:"URL"`

	BackendPolicy         BackendPolicy `yaml:"backend-policy" placeholder:"NAME|spnego-http"`
	BackendService        string        `yaml:"backend-service" placeholder:"PRINCIPAL"`
	BackendCredential     string        `yaml:"backend-credential" default:"gateway"`
	BackendPrincipal      string        `yaml:"backend-principal" placeholder:"PRINCIPAL"`
	BackendKeytab         string        `yaml:"backend-keytab" placeholder:"FILE"`
	BackendTrust          string        `yaml:"backend-trust" default:"2005/02"`
	BackendAddressing     string        `yaml:"backend-addressing" default:"none"`
	BackendAuthenticator  bool          `yaml:"backend-authenticator" default:"true" negatable:""`
	BackendEndorseRenewal bool          `yaml:"backend-endorse-renewal" default:"false" negatable:""`

	Store            string `yaml:"store" default:"none" placeholder:"URL|none"`
	SignatureRecords string `yaml:"signature-records" default:"shared"`

	Keytab          string        `yaml:"keytab" placeholder:"FILE"`
	Service         string        `yaml:"service" placeholder:"PRINCIPAL"`
	KerberosService string        `yaml:"kerberos-service" placeholder:"NAME"`
	KerberosKey     string        `yaml:"kerberos-key" default:"auto"`
	ChannelBindings string        `yaml:"channel-bindings" default:"when-present"`
	ContextLifetime time.Duration `yaml:"context-lifetime" default:"10h" placeholder:"DURATION"`
	ContextKeySize  string        `yaml:"context-key-size" default:"suite" placeholder:"BITS"`
	ContextStorage  string        `yaml:"context-storage" default:"store"`
	WrapRRC         string        `yaml:"wrap-rrc" name:"wrap-rrc" env:"WSSGATE_WRAP_RRC" default:"0"`

	BootstrapUnprotectedBody bool `yaml:"bootstrap-unprotected-body" default:"false" negatable:""`

	AllowRC4 bool `yaml:"allow-rc4" name:"allow-rc4" env:"WSSGATE_ALLOW_RC4" default:"false" negatable:""`

	ExactKvno      bool `yaml:"exact-kvno" default:"false" negatable:""`
	CheckAddresses bool `yaml:"check-addresses" default:"false" negatable:""`

	TrustedRealms []string `yaml:"trusted-realms" placeholder:"REALM"`

	RealmSIDs []string `yaml:"realm-sids" name:"realm-sids" env:"WSSGATE_REALM_SIDS" placeholder:"REALM=SID"`

	AllowedPrincipals []string `yaml:"allowed-principals" placeholder:"NAME@REALM"`
	AllowedRealms     []string `yaml:"allowed-realms" placeholder:"REALM"`
	AllowedGroups     []string `yaml:"allowed-groups" placeholder:"SID"`
	DeniedPrincipals  []string `yaml:"denied-principals" placeholder:"NAME@REALM"`
	DeniedRealms      []string `yaml:"denied-realms" placeholder:"REALM"`
	DeniedGroups      []string `yaml:"denied-groups" placeholder:"SID"`

	PrincipalRate  int `yaml:"principal-rate" default:"0" zero:"" placeholder:"NUMBER"`
	PrincipalBurst int `yaml:"principal-burst" default:"0" zero:"" placeholder:"NUMBER"`

	PrincipalHeader   string        `yaml:"principal-header" default:"X-Wssgate-Principal" placeholder:"NAME"`
	RealmHeader       string        `yaml:"realm-header" placeholder:"NAME"`
	GroupsHeader      string        `yaml:"groups-header" placeholder:"NAME"`
	AssertionHeader   string        `yaml:"assertion-header" placeholder:"NAME"`
	AssertionKey      string        `yaml:"assertion-key" placeholder:"FILE"`
	AssertionIssuer   string        `yaml:"assertion-issuer" placeholder:"NAME"`
	AssertionAudience []string      `yaml:"assertion-audience" placeholder:"NAME"`
	AssertionLifetime time.Duration `yaml:"assertion-lifetime" default:"1m" placeholder:"DURATION"`
	AssertionType     string        `yaml:"assertion-type" default:"wssgate+jwt" placeholder:"NAME"`
	AssertionGroups   bool          `yaml:"assertion-groups" default:"true" negatable:""`

	ClientCertificateHeader string `yaml:"client-certificate-header" placeholder:"NAME"`

	PassHTTPHeaders []string `yaml:"pass-http-headers" name:"pass-http-headers" placeholder:"NAME"`
	OtherHeaders    string   `yaml:"other-headers" default:"drop"`

	ForwardActors     []string `yaml:"forward-actors" placeholder:"URI"`
	UnderstoodHeaders []string `yaml:"understood-headers" placeholder:"NAME"`

	ContentPrefixes string `yaml:"content-prefixes" default:"as-received"`

	ContentQNames []string `yaml:"content-qnames" name:"content-qnames" env:"WSSGATE_CONTENT_QNAMES" placeholder:"QNAME"`

	TLSOffloaded bool `yaml:"tls-offloaded" default:"false" negatable:""`

	Challenge           bool          `yaml:"challenge" default:"true" negatable:""`
	ChallengeAgain      bool          `yaml:"challenge-again" default:"false" negatable:""`
	ChallengeScheme     string        `yaml:"challenge-scheme" default:"negotiate"`
	ChallengeConnect    string        `yaml:"challenge-connect" placeholder:"URI"`
	ChallengeIdentifier string        `yaml:"challenge-identifier" placeholder:"NAME"`
	SessionLifetime     time.Duration `yaml:"session-lifetime" default:"0s" zero:"" placeholder:"DURATION"`
	CookieName          string        `yaml:"cookie-name" placeholder:"NAME"`
	CookieSameSite      string        `yaml:"cookie-same-site" default:"lax"`
	BodyAfterContext    bool          `yaml:"body-after-context" default:"false" negatable:""`
	ConnectionBound     bool          `yaml:"connection-bound" default:"false" negatable:""`
	UpgradedUntil       string        `yaml:"upgraded-until" default:"expiry"`

	CORSOrigins []string `yaml:"cors-origins" name:"cors-origins" env:"WSSGATE_CORS_ORIGINS" placeholder:"ORIGIN"`
}

// Config is the effective configuration. Every value is set and has been
// checked. It is safe for concurrent use as long as nobody changes it.
type Config struct {
	Process `yaml:",inline"`
	// Listeners has at least one element: the entries of the file, or the one
	// that Listen and the settings of its TLS describe, which has no name.
	Listeners []Listener `yaml:"listeners,omitempty"`
	// Certificates are further ones of all Listeners with TLS.
	Certificates []Certificate `yaml:"certificates,omitempty"`
	// Services holds what routes name by KerberosService.
	Services []Service `yaml:"services,omitempty"`
	// Routes has at least one element, but for a relay alone; paths are
	// distinct at each host of a listener.
	Routes []Route `yaml:"routes"`

	origins origins
	entries []string // the place in the file of each entry of routes:; nil without a file

	serviceEntries     []string // the place in the file of each of Services
	certificateEntries []string // of Certificates
	listenerEntries    []string // of Listeners; nil for the one that has no name

	relayAlone bool // of LoadRelay
}
