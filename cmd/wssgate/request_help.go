package main

// requestHelp holds the help texts of the flags of request, by name.
var requestHelp = map[string]string{
	"config": "Configuration of the gateway that is called: policy and service are those of --route.",
	"route":  "Route of --config. Default: that with host and path of the URL, or the only one.",
	"standard": "soap: protected messages; spnego-http: requests of any kind, with HTTP Negotiate. Default: that of the " +
		"route, else soap.",
	"policy":           "Protection of the message: ${policies}. Default: that of the route, else Kerberos.",
	"service":          "Kerberos principal of the service. Default: that of the route.",
	"allow-plain-http": "Send messages and tokens that TLS is to protect without it.",
	"trust-version": "Version of WS-Trust and WS-SecureConversation. Default: 1.3 for ws2007HttpBinding and with " +
		"--no-authenticator, else 2005/02.",
	"no-authenticator": "Negotiate with a service that does not prove that both sides have seen the same messages, " +
		"as CXF's does not.",
	"channel-bindings": "Bind tokens to the server's certificate. Default: as the route requires it.",
	"token-location": "Where a message has its token: security-header, authorization, header:NAME, query:NAME, " +
		"cookie:NAME. Default: as the route, else the Security header.",
	"method":     "Method of a request with HTTP Negotiate. Default: GET.",
	"soap":       "SOAP version of the envelope that is made around the content of a Body. Default: 1.1.",
	"action":     "Action, in HTTP and for --addressing.",
	"addressing": "Add WS-Addressing header blocks of this version to a message that has none.",
	"header":     "Further HTTP header; may be repeated.",
	"tls-ca":     "PEM certificates to trust, in addition to those of the system.",
	"timeout":    "Time for one call.",
	"envelope":   "Print the whole envelope of the reply, not what its Body holds.",
	"verbose":    "Show each message in clear and on the wire, or the header of the response, on standard error.",
	"repeat": "Make so many calls, each with a fresh authenticator, and print what became of them in the place of " +
		"replies.",
	"concurrency":   "Calls at a time, with --repeat.",
	"ccache":        "Credential cache, as kinit writes it. Default: KRB5CCNAME, else /tmp/krb5cc_UID.",
	"keytab":        "Keytab with a key of --principal, in the place of a credential cache.",
	"password-file": "File with the password of --principal in its first line, in the place of a credential cache.",
	"principal":     "Client whose key or password it is.",
	"kdc": "Relay to get tickets through, in the place of KDCs: https://…/KdcProxy (MS-KKDCP) or wss://…/kerberos5. " +
		"A krb5.conf is then optional.",
	"krb5-conf": "krb5.conf that names the KDCs. Default: KRB5_CONFIG, else /etc/krb5.conf.",
}
