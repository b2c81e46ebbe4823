// Package interop holds the tests that run real peers against the wssgate
// program: clients of other projects, which decide for themselves whether an
// answer is right. It has no API.
//
//	Apache CXF (WSS4J)        DOM and streaming clients, and the backend: cxf/
//	WSS4J by itself           the speed of its DOM and of its StAX engine: wss4j/
//	MIT Kerberos              krb5kdc issues every ticket: cxf/kdc.sh
//	gSOAP                     C++ clients, as the recipes have them
//	python-gssapi             an initiator that shares nothing with gokrb5: gssinit.py
//	a client in WCF's form    in Python, written from the protocol alone: wcf/
//	curl, Chromium, Firefox   HTTP Negotiate; Firefox with the flag -firefox
//	requests-gssapi           HTTP Negotiate in Python: requests/
//	OpenJDK                   HTTP Negotiate by itself and with JGSS: java/
//	Apache, mod_auth_gssapi   the speed of a server with HTTP Negotiate
//	nginx, Apache             in front of serve: proxies/
//	kdcproxy of PyPI          the speed of a KDC proxy: kdcproxy/
//	xmlsec1                   verifies the HMAC of a reply and decrypts it
//
// A test whose peer is not installed skips and names the Debian package; with
// CI=true in the environment it fails instead. With -short nothing here runs.
// The first run fetches CXF and WSS4J from Maven Central (70 MB), and requests-gssapi and
// kdcproxy from PyPI, and keeps them and what it compiled in the user's cache
// directory.
//
// The folder transcripts holds the programs that made testvectors/transcripts
// out of recorded conversations.
//
// # Security considerations
//
// Everything listens on the loopback interface and uses throw-away keys in
// temporary directories. cxf/settings.xml takes every Java library from Maven
// Central.
package interop
