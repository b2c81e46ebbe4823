package wssec

// nsWSA and nsWSA04 are the namespaces of WS-Addressing 1.0 and of the
// submission of August 2004.
const (
	nsWSA   = "http://www.w3.org/2005/08/addressing"
	nsWSA04 = "http://schemas.xmlsoap.org/ws/2004/08/addressing"
)

// Preset returns a policy under the name that WCF users know its
// authenticationMode by.
//
//   - Kerberos: symmetric binding, Kerberos protection token, Basic128, derived
//     keys, Body and WS-Addressing headers signed, Body encrypted, then the
//     Signature encrypted.
//   - KerberosOverTransport: TLS, and a Kerberos token whose key signs
//     Timestamp and wsa:To.
//   - KerberosToken: TLS, and a Kerberos token, nothing signed.
func Preset(name string) (Policy, bool) {
	switch name {
	case "Kerberos":
		return Policy{
			Name: name, Binding: SymmetricBinding, ProtectionToken: KerberosToken, AlgorithmSuite: Basic128,
			SignedParts:    Parts{Body: true, Headers: []string{"{" + nsWSA + "}*", "{" + nsWSA04 + "}*"}},
			EncryptedParts: Parts{Body: true}, ProtectionOrder: SignBeforeEncrypt, EncryptSignature: true,
			DerivedKeys: DerivedKeysRequired, Timestamp: TimestampRequired, KeyFit: FitWhole, TokenOnce: true,
		}, true
	case "KerberosOverTransport":
		return Policy{
			Name: name, Binding: TransportBinding, AlgorithmSuite: Basic128,
			SupportingTokens: []SupportingToken{{KerberosToken, UseEndorsing}},
			SignedParts:      Parts{Headers: []string{"{" + nsWSA + "}To", "{" + nsWSA04 + "}To"}},
			DerivedKeys:      DerivedKeysForbidden, Timestamp: TimestampRequired, KeyFit: FitWhole,
		}, true
	case "KerberosToken":
		return Policy{
			Name: name, Binding: NoBinding,
			SupportingTokens: []SupportingToken{{KerberosToken, UsePlain}},
			Timestamp:        TimestampOptional,
		}, true
	}
	return Policy{}, false
}

// PresetNames returns the names that Preset knows.
func PresetNames() []string { return []string{"Kerberos", "KerberosOverTransport", "KerberosToken"} }
