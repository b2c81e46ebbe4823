package config

import (
	"slices"
	"strings"

	"github.com/wssgate/wssgate/wssec"
)

// A description is what an operator reads about a setting.
type description struct {
	help    string // one sentence or two
	choices string // the values that it may have, separated by commas; "" for any
}

// Help returns the help text of a setting of [Flags], and the values that it
// may have, separated by commas. Choices is empty if there are too many to
// list. Both are empty for a name that is not a setting.
func Help(setting string) (help, choices string) {
	for _, table := range []map[string]description{processHelp(), routeHelp(), fileHelp()} {
		if d, ok := table[setting]; ok {
			return d.help, d.choices
		}
	}
	return "", ""
}

// Groups are the titles under which help lists settings, in their order.
func Groups() []string {
	return []string{groupListener, groupRoute, groupBackend, groupKerberos, groupClients, groupNegotiate, groupStores,
		groupLimits, groupRelay, groupLog}
}

const (
	groupListener  = "Listener"
	groupRoute     = "Route"
	groupBackend   = "Backend of a route"
	groupKerberos  = "Kerberos"
	groupClients   = "Who may call, and what the backend is told of it"
	groupNegotiate = "HTTP Negotiate (standard spnego-http)"
	groupStores    = "State that nodes share"
	groupLimits    = "Limits and times"
	groupRelay     = "KDC relay"
	groupLog       = "Log and operator"
)

// Group returns which of [Groups] a setting belongs to, "" for a name that is none,
// and for the file itself.
func Group(setting string) string {
	has := func(names ...string) bool { return slices.Contains(names, setting) }
	begins := func(prefix ...string) bool {
		return slices.ContainsFunc(prefix, func(p string) bool { return strings.HasPrefix(setting, p) })
	}
	_, ofRoute := fieldsOf(&Route{})[setting]
	_, ofProcess := fieldsOf(&Process{})[setting]
	switch {
	case !ofRoute && !ofProcess:
		return ""
	case has("listen", "tls-cert", "tls-key", "client-address", "trusted-proxies"):
		return groupListener
	case slices.Contains(ofHTTP, setting):
		return groupNegotiate
	case begins("backend"):
		return groupBackend
	case begins("allowed-", "denied-", "trusted-realms", "realm-", "principal-", "groups-", "assertion-"):
		return groupClients
	case has("keytab", "service", "clock-skew", "keep-old-keys", "krb5-conf", "channel-bindings", "wrap-rrc", "allow-rc4",
		"exact-kvno", "check-addresses", "state-dir", "replay-journal") || begins("kerberos-", "context-"):
		return groupKerberos
	case has("store", "state-keys", "signature-records", "replay-durability") || begins("store-"):
		return groupStores
	case begins("kdc-"), has("browser-client"):
		return groupRelay
	case begins("log-", "admin", "audit-"):
		return groupLog
	case ofRoute, has("relative-namespaces"):
		return groupRoute
	}
	return groupLimits
}

// fileHelp describes the setting that is neither of [Process] nor of [Route].
func fileHelp() map[string]description {
	return map[string]description{
		"config": {help: "YAML file with these settings. More than one route needs a file, with routes:."},
	}
}

// processHelp describes the settings of [Process].
func processHelp() map[string]description {
	return map[string]description{
		"listen":          {help: "Address to listen on."},
		"tls-cert":        {help: "PEM certificate chain. With tls-key the listener serves HTTPS (HTTP/1.1 and HTTP/2)."},
		"tls-key":         {help: "PEM private key of tls-cert."},
		"tls-min-version": {help: "Lowest version of TLS.", choices: "1.2,1.3"},
		"tls-client-ca": {help: "PEM certificates of the authorities whose client certificates are accepted, for " +
			"tls-client-auth."},
		"tls-client-auth": {help: "Client certificates. request: clients may have one. require: none is served without. " +
			"One that tls-client-ca does not verify ends the connection.", choices: "off,request,require"},
		"state-dir": {help: "Directory of the replay journal. Default: $STATE_DIRECTORY, else wssgate under " +
			"$XDG_STATE_HOME, else under ~/.local/state."},
		"replay-journal": {help: "Keep replay records on disk, so that a restart accepts nothing that was presented " +
			"before it."},
		"keep-old-keys": {help: "Time that a key still opens tickets after a newer one replaced it in the keytab. " +
			"0s: none."},
		"krb5-conf": {help: "krb5.conf that names the KDCs of which wssgate itself gets tickets, for backend-policy. " +
			"Default: $KRB5_CONFIG, else /etc/krb5.conf."},
		"clock-skew":  {help: "Largest accepted difference between a client's clock and ours."},
		"max-message": {help: "Largest request or reply body."},
		"max-headers": {help: "Largest HTTP header section."},
		"max-in-flight": {help: "Octets that all exchanges in progress may hold together: messages, plaintext, " +
			"replies, and the index over their markup. A request over it is answered 503. Each octet needs two " +
			"octets of memory."},
		"unverified-share": {help: "Part of max-in-flight for messages that are not verified yet."},
		"client-share":     {help: "Part of max-in-flight for the exchanges of one client address."},
		"min-read-rate": {help: "Octets a second below which a request may be dropped when other requests need its " +
			"memory."},
		"busy-timeout":           {help: "Time that a new request waits for memory before it is answered 503."},
		"max-connections":        {help: "Most connections, and most exchanges in progress."},
		"max-client-connections": {help: "Most connections, and most exchanges in progress, of one client address."},
		"client-address": {help: "Source of a client's address: connection, or what trusted-proxies write, by " +
			"x-forwarded-for, forwarded or proxy-protocol.",
			choices: "connection,x-forwarded-for,forwarded,proxy-protocol"},
		"trusted-proxies": {help: "Addresses or networks (10.0.0.0/8) of the proxies and load balancers that " +
			"client-address relies on."},
		"client-rate":  {help: "Requests a second that one client address may send; more are answered 429. 0: no limit."},
		"client-burst": {help: "How many of them may come at once. 0: those of ten seconds."},
		"failure-rate": {help: "How often a minute one client address may fail to authenticate, before its requests are " +
			"answered 429 without a look at them, for failure-pause. 0: no limit."},
		"failure-pause": {help: "For how long they are."},
		"token-cache": {help: "Octets that remembered tokens of all routes may take (policies with token-once). One " +
			"client may take 1/16 of it."},
		"replay-memory": {help: "Octets that replay records may take, half for tickets and half for signatures, " +
			"allocated when needed. One client may have three times as many records as there is room left for others."},
		"state-keys": {help: "Key file that encrypts the state of negotiations and security contexts: one key a line, 32 " +
			"random octets in base64. Without it a random key is used, which ends with the process."},
		"store-prefix": {help: "Beginning of the names of what wssgate keeps in a store, so that several gateways can use " +
			"one."},
		"store-timeout": {help: "Time that a store has for an answer. Then what needs it is refused."},
		"store-password-file": {help: "File with the password of the user that the URL of the store names, or of the " +
			"default one."},
		"store-sentinel-password-file": {help: "File with the password of sentinels."},
		"store-ca": {help: "PEM certificates of the authorities that stores are trusted by with TLS, in place of the " +
			"system's."},
		"store-cert": {help: "PEM certificate chain by which wssgate shows itself to stores."},
		"store-key":  {help: "PEM private key of store-cert."},
		"replay-durability": {help: "Where the record of what was accepted has to be before it is: primary, in the memory " +
			"of the store; replicas, in that of store-replicas replicas too, so that a failover loses none.",
			choices: "primary,replicas"},
		"store-replicas": {help: "With replay-durability replicas, how many replicas the store has that may be " +
			"promoted."},
		"max-contexts": {help: "Most security contexts of all routes. One more is answered ServerTooBusy."},
		"max-negotiations": {help: "Most negotiations in progress, of all routes. One client address may have 1/16 of " +
			"them. One more is answered ServerTooBusy."},
		"negotiation-timeout": {help: "Time that a client has for all legs of a negotiation."},
		"relative-namespaces": {help: "Accept XML namespace names without a scheme, which some WCF services have. " +
			"Canonical XML leaves them undefined, and CXF refuses them."},
		"header-timeout": {help: "Time to read an HTTP header section."},
		"read-timeout":   {help: "Time to read a whole request."},
		"write-timeout":  {help: "Time to write a reply."},
		"idle-timeout":   {help: "Time that a connection may wait for its next request."},
		"refusal-delay": {help: "Time from the last octet of a request of up to 128 KiB until a refusal of its " +
			"protection is written, whatever was wrong. It doubles with the size of larger requests."},
		"shutdown-timeout":   {help: "Time that exchanges in progress have to finish after SIGTERM."},
		"log-format":         {help: "Format of the log on standard error.", choices: "json,text"},
		"kdc-proxy-path":     {help: "Path of the KDC proxy (MS-KKDCP), usually /KdcProxy. Empty: none."},
		"kdc-websocket-path": {help: "Path of the WebSocket relay to KDCs, usually /kerberos5. Empty: none."},
		"kdc-listen":         {help: "Address at which requests to KDCs are relayed by plain TCP and UDP. Empty: none."},
		"browser-client": {help: "Path below which the browser client is served, usually /wssgate, to pages of " +
			"kdc-origins. Empty: it is not."},
		"kdc-realms": {help: "Realms whose KDCs clients may reach through the relay."},
		"kdc-realm-aliases": {help: "Other names that clients have for a realm of kdc-realms, such as EXAMPLE=EXAMPLE.COM " +
			"for a NetBIOS name."},
		"kdc-servers": {help: "KDCs of a realm, in the order in which they are asked: REALM=HOST or REALM=HOST:PORT. " +
			"A realm without one: those of the krb5.conf, or of DNS."},
		"kdc-password-servers": {help: "Servers of a realm that change passwords, as kdc-servers. A realm without one: " +
			"those of the krb5.conf, or of DNS."},
		"kdc-krb5-conf": {help: "krb5.conf that names servers of the realms. Default: $KRB5_CONFIG, else " +
			"/etc/krb5.conf if there is one."},
		"kdc-dns": {help: "Find servers of realms that have none configured by DNS (SRV records). So does dns_lookup_kdc = " +
			"true in the krb5.conf."},
		"kdc-origins": {help: "Origins of pages whose scripts may use the relay, as https://app.example.com; * for any. " +
			"The relay's own has to be listed too."},
		"kdc-timeout": {help: "Time that KDCs have for an answer."},
		"kdc-client-rate": {help: "Requests to KDCs a second that one client address may send. Those of ten " +
			"seconds may come at once."},
		"kdc-realm-rate": {help: "Requests a second that are relayed to the KDCs of one realm, as kdc-client-rate."},
		"admin": {help: "Address of the operator's listener, with status page, metrics, health and profiles: host:port, " +
			"unix: and the path of a socket, or off."},
		"admin-hosts": {help: "Host names by which the operator's listener is asked, beside IP addresses and " +
			"localhost."},
		"admin-anywhere": {help: "Let admin be an address that is reached from elsewhere. Without admin-keytab " +
			"it asks nobody who they are."},
		"admin-show-principals": {help: "Show the names of clients on the status page."},
		"admin-keytab": {help: "Keytab with the key of HTTP/HOST by which the operator's listener asks for HTTP " +
			"Negotiate. /healthz, /readyz and /metrics ask nobody."},
		"admin-allowed-principals": {help: "Who may use the operator's listener, as alice@EXAMPLE.COM or " +
			"*/admin@EXAMPLE.COM. Needed with admin-keytab."},
		"audit-log": {help: "File to which a line of JSON is appended for each decision about a client, or stdout. Empty: " +
			"none. It is opened anew at SIGHUP."},
		"log-level": {help: "Lowest level that is logged.", choices: "debug,info,warn,error"},
	}
}

// routeHelp describes the settings of [Route].
func routeHelp() map[string]description {
	return map[string]description{
		"hosts": {help: "Hosts that the route is for, as DNS names without ports. Empty: every host for which no other " +
			"route of the same path is."},
		"on-listeners": {help: "Names of the entries of listeners: in the file that serve the route. Empty: all of them."},
		"path": {help: "Request path of the route, matched exactly; with standard spnego-http all below it, and the " +
			"longest of several."},
		"policy": {help: "Required protection: " + strings.Join(wssec.PresetNames(), ", ") + ". Several, separated by " +
			"commas, are distinguished by what a message carries. In the file also a mapping, or a list."},
		"standard": {help: "What the route accepts: soap, messages protected as policy requires; spnego-http, " +
			"HTTP requests of any kind whose client HTTP Negotiate authenticates; none, every message, which passes " +
			"unchanged."},
		"shadow": {help: "Try policy without enforcing it: every message passes as received, and log and metrics say what " +
			"would have become of it. The backend is not told who the client is."},
		"token-location": {help: "Places where a message may have its Kerberos token: security-header, " +
			"any-security-header, xpath:EXPRESSION, authorization, header:NAME, query:NAME, cookie:NAME. Several are " +
			"separated by commas; a message has its token at one of them."},
		"addresses": {help: "Public URLs of the route, as clients write them in wsa:To. A message whose protected " +
			"wsa:To is another one is refused. Empty: any is accepted."},
		"wsa-to": {help: "Whether a message must have a protected wsa:To, if the route has addresses.",
			choices: "when-present,required"},
		"addressing": {help: "Where WS-Addressing ends. pass: at the backend. terminate: here, for a backend that knows " +
			"none; it gets no header block of it, and wssgate writes those of replies.",
			choices: "pass,terminate"},
		"reply-actions": {help: "With addressing terminate, the actions of replies: each entry has that of a request and, " +
			"behind a blank, that of its reply. For others Request at the end becomes Response, or Response is appended."},
		"wsdl": {help: "Whether GET PATH?wsdl and ?singleWsdl are answered: refuse, or the WSDL of the backend or of a " +
			"file, with wssgate's address and the route's policy in it."},
		"wsdl-imports": {help: "Other hosts that documents are fetched from which the backend's WSDL imports. By default " +
			"the host of the backend alone."},
		"wsdl-address": {help: "URL of the route in its WSDL. By default the first of addresses, else by the scheme and " +
			"host of each request."},
		"rewrite-to": {help: "Address in the wsa:To that the backend gets: backend for the URL that it is called by, " +
			"or another URL. Empty: that of the client."},
		"mtom": {help: "What becomes of messages in MTOM packages. inline: accepted, and forwarded and answered with their " +
			"attachments in the envelope. mtom: forwarded and answered as MTOM again.",
			choices: "inline,mtom,refuse"},
		"backend": {help: "URL of the service that verified messages are forwarded to; unix:/run/app.sock:/service for a " +
			"unix socket. Several, separated by commas, share the load and stand in for each other."},
		"backend-timeout": {help: "Time that the backend has for its whole reply."},
		"backend-connect-timeout": {help: "Time to make a connection to a backend, TLS included. Then the next one is " +
			"tried."},
		"backend-ca": {help: "PEM certificates of the authorities that https backends are trusted by, in place of the " +
			"system's."},
		"backend-cert": {help: "PEM certificate chain by which wssgate shows itself to https backends."},
		"backend-key":  {help: "PEM private key of backend-cert."},
		"backend-server-name": {help: "Name that the certificate of an https backend has to be for, and that it is asked " +
			"for (SNI). Default: the host of its URL."},
		"backend-policy": {help: "Protection that the backend asks for: a policy as for policy, or spnego-http for HTTP " +
			"Negotiate. Empty: none; it gets plain messages."},
		"backend-service": {help: "Service principal of the backend, with backend-policy."},
		"backend-credential": {help: "As whom a backend with backend-policy is called: gateway, as backend-principal; " +
			"delegated, as the client, with the credential that it has delegated; s4u2proxy, as the client, by " +
			"constrained delegation with its ticket; s4u2self, the same without a ticket of the client's (protocol transition).",
			choices: "gateway,delegated,s4u2proxy,s4u2self"},
		"backend-principal": {help: "Principal of wssgate itself, which calls the backend, or which the KDC lets call it " +
			"for clients. Default: service of the route."},
		"backend-keytab": {help: "Keytab with the key of backend-principal. Default: the keytab of the route."},
		"backend-trust": {help: "Version of WS-Trust that the backend speaks, where backend-policy is for a security " +
			"context. 2005/02 as WCF has it by default; ws2007HttpBinding and CXF have 1.3.",
			choices: "2005/02,1.3"},
		"backend-addressing": {help: "Version of the WS-Addressing header blocks that a message for the backend gets which " +
			"has none, with backend-policy.",
			choices: "none,1.0,2004/08"},
		"backend-authenticator": {help: "Require the proof that both sides of a negotiation with the backend have seen the " +
			"same messages. CXF's server sends none."},
		"backend-endorse-renewal": {help: "Renew a security context with the backend by a message under the bootstrap " +
			"policy that the context endorses, as WCF's services want it."},
		"store": {help: "Store that nodes share, as Valkey or Redis: redis://HOST, rediss://USER@HOST with TLS, " +
			"redis+sentinel://HOST,HOST/NAME or redis+cluster://HOST,HOST. none: the memory of this process."},
		"signature-records": {help: "Where signature values of accepted messages are recorded, on a route with a store: " +
			"shared, so that no node accepts a message twice; node, in this process alone, which saves a round trip and " +
			"lets each node accept it once.",
			choices: "shared,node"},
		"keytab":           {help: "Keytab with the key of the service principal."},
		"service":          {help: "Service principal that tickets must be for. Optional if the keytab holds only one."},
		"kerberos-service": {help: "Name of an entry of services: in the file, in place of keytab and service."},
		"kerberos-key": {help: "Key of the token that protects messages. auto is the authenticator's subkey, else the " +
			"session key.",
			choices: "auto,session,subkey"},
		"channel-bindings": {help: "Whether a token must be bound to the TLS connection that it is received on. " +
			"when-present refuses a token bound to another one; required also refuses a token without binding.",
			choices: "off,when-present,required"},
		"context-lifetime": {help: "Life of a security context. It ends with the client's ticket if that is earlier."},
		"context-key-size": {help: "Bits of the key that a negotiation issues. suite is the size of the policy's " +
			"algorithm suite, if the client does not ask for another one.",
			choices: "suite,128,192,256"},
		"context-storage": {help: "Where the state of a security context is: store, with the gateway, or token, in " +
			"the token that the client sends with each message, encrypted under state-keys: nodes need no store.",
			choices: "store,token"},
		"wrap-rrc": {help: "Right rotation count of the Wrap token that holds an issued key (RFC 4121 4.2.5): 0 as MIT " +
			"Kerberos writes it, 28 as Windows does.",
			choices: "0,28"},
		"bootstrap-unprotected-body": {help: "Issue security contexts to requests whose Body the bootstrap policy does not " +
			"protect, as CXF's tests do. Whoever reads them has the key, so it requires TLS."},
		"allow-rc4": {help: "Accept tickets and keys of type rc4-hmac."},
		"exact-kvno": {help: "Open a ticket only with the key of its own version number. Otherwise older and newer " +
			"keys of the keytab are tried too."},
		"check-addresses": {help: "Refuse a ticket that is bound to addresses if the client's is not among them."},
		"trusted-realms": {help: "Realms trusted to authenticate clients. Empty: the service's own, and those that " +
			"its KDC vouches for."},
		"realm-sids": {help: "Groups that clients of realms other than the service's may have, for allowed-groups: " +
			"REALM=S-1-5-21-… of a domain, or REALM=* for all. A realm that is not listed: none."},
		"allowed-principals": {help: "Clients that may call, as alice@EXAMPLE.COM or host/*@EXAMPLE.COM: * is anything " +
			"within a component or the realm. Empty: every client with a valid ticket."},
		"allowed-realms": {help: "Realms whose clients may call, as EXAMPLE.COM or *.EXAMPLE.COM. Empty: every realm."},
		"allowed-groups": {help: "Groups, as S-1-5-21-…. A client must be in one of them by its ticket's PAC. Empty: " +
			"none is required."},
		"denied-principals": {help: "Clients that may not call, whatever else admits them; as for allowed-principals, and " +
			"in whatever case."},
		"denied-realms": {help: "Realms whose clients may not call, as for allowed-realms, and in whatever case."},
		"denied-groups": {help: "Groups whose members may not call, or clients by their own SIDs. A client whose ticket " +
			"names no groups may not either."},
		"principal-header": {help: "HTTP header with the client's name@REALM for the backend. Empty: none."},
		"realm-header":     {help: "HTTP header with the client's realm alone for the backend. Empty: none."},
		"groups-header": {help: "HTTP header with the SIDs of the client's groups for the backend, separated by commas. " +
			"Empty: none."},
		"client-certificate-header": {help: "HTTP header with the subject of the client's certificate for the backend, if " +
			"it has one (tls-client-auth). Empty: none."},
		"principal-rate": {help: "Exchanges a second that one client may have, by its principal; more are answered 429. " +
			"0: no limit."},
		"principal-burst": {help: "How many of them may come at once. 0: those of ten seconds."},
		"assertion-header": {help: "HTTP header with a signed assertion about the client for the backend, a JSON Web " +
			"Token. Authorization has it as a bearer token. Empty: none."},
		"assertion-key": {help: "PEM file with the private keys of assertions, on the curve P-256. The first one signs. " +
			"wssgate jwks prints the public ones."},
		"assertion-issuer":   {help: "Issuer of assertions (iss), as https://gw.example.com."},
		"assertion-audience": {help: "For whom assertions are (aud): names by which the backend knows itself."},
		"assertion-lifetime": {help: "Time until an assertion ends."},
		"assertion-type":     {help: "Type in the header of assertions (typ)."},
		"assertion-groups": {help: "Assertions name the SIDs of the client's groups. A client in hundreds makes them " +
			"larger than servers take headers."},
		"pass-http-headers": {help: "Further HTTP request headers to pass to the backend. Only TLS protects them."},
		"forward-actors": {help: "SOAP actors or roles behind wssgate. Header blocks for them, Security headers too, reach " +
			"the backend as they came."},
		"understood-headers": {help: "SOAP header blocks, as {namespace}name or {namespace}*, that wssgate passes to the " +
			"backend though they are for next or for itself."},
		"other-headers": {help: "What happens to SOAP header blocks that the policy does not protect.",
			choices: "drop,pass,refuse"},
		"content-prefixes": {help: "Whether the signature must cover the prefixes of qualified names in signed content, " +
			"as in xsi:type.",
			choices: "as-received,covered"},
		"content-qnames":  {help: "Attributes and elements whose values are qualified names, in addition to xsi:type."},
		"tls-offloaded":   {help: "TLS ends in front of wssgate: treat plain HTTP as a protected channel."},
		"challenge":       {help: "Invite a client without a token to send one (401). Otherwise it is refused (403)."},
		"challenge-again": {help: "Invite a client whose token was refused to try again. Some then try for ever."},
		"challenge-scheme": {help: "Scheme of the invitation: negotiate, or application, which is Application Negotiate: " +
			"browsers ignore it, and a script can answer.",
			choices: "negotiate,application"},
		"challenge-connect": {help: "URI that the invitation Application Negotiate names, where a " +
			"client reaches its KDC."},
		"challenge-identifier": {help: "Name of the service that the invitation has behind challenge-connect."},
		"session-lifetime": {help: "Life of a session cookie, at most to the end of the client's ticket. 0s: each request " +
			"needs a token."},
		"cookie-name": {help: "Name of the cookie of negotiations and sessions. Default: negotiate- and eight digits " +
			"that depend on the path."},
		"cookie-same-site": {help: "For which requests of other sites a browser sends the cookie. lax: links.",
			choices: "lax,strict,none"},
		"body-after-context": {help: "Clients send their body only after the context is established: a POST, PUT or " +
			"PATCH without one that establishes it is answered 204, and the cookie is good for one more request."},
		"connection-bound": {help: "Take all later requests of an HTTP/1 connection for those of the client that it has " +
			"authenticated."},
		"upgraded-until": {help: "When a WebSocket ends in which something passes. expiry: with the client's session or " +
			"ticket. closed: when a side closes it.", choices: "expiry,closed"},
		"cors-origins": {help: "Origins of pages whose scripts may call the service, as the user who is signed on, as " +
			"https://app.example.com. Their preflights are answered without a token or message."},
	}
}
