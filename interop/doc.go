// Package interop holds the tests that drive real peers against the wssgate program: clients that were written by other
// people, know nothing of us and decide for themselves whether an answer is right. It has no API.
//
//	Apache CXF (WSS4J)        clients with DOM and streaming implementations, and the plain service behind the gateway: cxf/
//	MIT Kerberos              krb5kdc gives out every ticket: cxf/kdc.sh
//	python-gssapi             an initiator that shares nothing with gokrb5: gssinit.py
//	xmlsec1                   verifies the HMAC of a reply and decrypts it
//
// A test whose peer is not installed skips and names the Debian package; with CI=true in the environment it fails instead.
// With -short nothing here runs. The first run fetches CXF from Maven Central (70 MB) and keeps what it compiled in the
// user's cache directory.
//
// The folder transcripts holds the programs that made testvectors/transcripts out of recorded conversations.
//
// # Security considerations
//
// Everything listens on the loopback interface and uses throw-away keys in temporary directories. cxf/settings.xml takes
// every Java library from Maven Central.
package interop
