// Package testvectors carries test vectors for SOAP message security with
// Kerberos tokens, as an [embed.FS].
//
// It imports nothing but embed and knows nothing of wssgate, so that any
// project can use it:
//
//	cases, err := fs.Glob(testvectors.Files, "cases/*.txtar")
//
// cases, c14n, kerberos, http, attacks, wstrust and derivedkeys hold vectors
// that were made, by cmd/vectorgen: messages, tokens and keys, each with what
// a receiver has to make of it and why. transcripts holds conversations that
// were recorded between implementations other than wssgate; in the cases Wcf…
// wssgate is one side. A case gives the messages as they were on the wire, the
// keytab that opens them, the policy in WS-SecurityPolicy terms, and for each
// message the verdict that a correct verifier reaches and the plaintext of the
// Body. README.md, which is embedded too, defines the formats.
//
// Standard and term, and where a vector says it:
//
//	WS-SecurityPolicy 1.2 assertions      policy: in a header, and in case.yaml
//	Kerberos Token Profile 1.1 token      message.xml, NN-request.xml
//	AP-REQ, Wrap, MIC, NegTokenInit       kerberos/*.txtar, section token
//	request by HTTP, MS-KKDCP             http/*.txtar, section request
//	Kerberos keytab of the acceptor       keytab: in a header, and in case.yaml
//	Exclusive XML Canonicalization 1.0    c14n/*.txtar; body.xml, NN-….plain.xml
//	P_SHA1 (WS-SecureConversation §7.1)   derivedkeys/p_sha1.json
//	Authenticator of a negotiation        wstrust/*.txtar, combined-hash
//
// # Security considerations
//
// The keys are throw-away keys of a realm that never existed outside a test
// machine, and the tickets have expired: a verifier has to be given the time of
// the recording. Nothing here may be put to use but in tests.
package testvectors
