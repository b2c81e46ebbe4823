package wssec

// nsWSA and nsWSA04 are the namespaces of WS-Addressing 1.0 and of the
// submission of August 2004; nsWST05 and nsWST13 those of WS-Trust.
const (
	nsWSA   = "http://www.w3.org/2005/08/addressing"
	nsWSA04 = "http://schemas.xmlsoap.org/ws/2004/08/addressing"
	nsWST05 = "http://schemas.xmlsoap.org/ws/2005/02/trust"
	nsWST13 = "http://docs.oasis-open.org/ws-sx/ws-trust/200512"
)

// Preset returns the policy of a name, which is that of WCF's
// authenticationMode or binding; ok is false for a name that [PresetNames] does
// not list.
//
//   - Kerberos: symmetric binding, Kerberos protection token, [Basic128], derived
//     keys, Body and WS-Addressing headers signed, Body encrypted, then the
//     Signature encrypted.
//   - KerberosOverTransport: TLS, and a Kerberos token whose key signs the
//     Timestamp.
//   - KerberosToken: TLS, and a Kerberos token, nothing signed.
//   - SspiNegotiated: as Kerberos, under the SecurityContextToken of a SPNEGO
//     negotiation, Basic256.
//   - SspiNegotiatedOverTransport: TLS, and such a token, whose key signs the
//     Timestamp.
//   - SecureConversation: as SspiNegotiated, under a SecurityContextToken that
//     was issued under Kerberos.
//   - wsHttpBinding, ws2007HttpBinding: what these do by default, which is
//     SecureConversation under SspiNegotiated. They differ in the versions of
//     WS-Trust and WS-SecureConversation, and both are accepted.
func Preset(name string) (p Policy, ok bool) {
	ok = true
	switch name {
	case "Kerberos":
		p = messageSecurity(KerberosToken, Basic128)
		p.TokenOnce = true
	case "KerberosOverTransport":
		p = endorsingOverTransport(KerberosToken, Basic128)
	case "KerberosToken":
		p = Policy{
			Binding:          NoBinding,
			SupportingTokens: []SupportingToken{{KerberosToken, UsePlain}},
			Timestamp:        TimestampOptional,
		}
	case "SspiNegotiated":
		p = messageSecurity(SpnegoContextToken, Basic256)
	case "SspiNegotiatedOverTransport":
		p = endorsingOverTransport(SpnegoContextToken, Basic256)
		p.DerivedKeys = DerivedKeysAllowed
	case "SecureConversation":
		p = conversation("Kerberos")
	case "wsHttpBinding", "ws2007HttpBinding":
		p = conversation("SspiNegotiated")
	default:
		ok = false
	}
	if ok {
		p.Name = name
	}
	return p, ok
}

// messageSecurity is what WCF's modes with message security have in common.
func messageSecurity(token TokenType, suite SuiteName) Policy {
	return Policy{
		Binding: SymmetricBinding, ProtectionToken: token, AlgorithmSuite: suite,
		SignedParts:    Parts{Body: true, Headers: []string{"{" + nsWSA + "}*", "{" + nsWSA04 + "}*"}},
		EncryptedParts: Parts{Body: true}, ProtectionOrder: SignBeforeEncrypt, EncryptSignature: true,
		DerivedKeys: DerivedKeysRequired, Timestamp: TimestampRequired, KeyFit: FitWhole,
	}
}

// endorsingOverTransport is what its modes with an endorsing token over TLS have
// in common. The policy that WCF publishes for them asks for wsa:To to be signed,
// too; its clients do that with certificates alone, and its services refuse what is
// signed beside the Timestamp with a symmetric key.
func endorsingOverTransport(token TokenType, suite SuiteName) Policy {
	return Policy{
		Binding: TransportBinding, AlgorithmSuite: suite,
		SupportingTokens: []SupportingToken{{token, UseEndorsing}},
		DerivedKeys:      DerivedKeysForbidden, Timestamp: TimestampRequired, KeyFit: FitWhole,
	}
}

// conversation is message security under a context that is issued under the
// preset bootstrap.
func conversation(bootstrap string) Policy {
	p := messageSecurity(SecureConversationToken, Basic256)
	b, _ := Preset(bootstrap)
	p.Bootstrap = &b
	return p
}

// PresetNames returns the names that [Preset] knows.
func PresetNames() []string {
	return []string{
		"Kerberos", "KerberosOverTransport", "KerberosToken", "SspiNegotiated", "SspiNegotiatedOverTransport",
		"SecureConversation", "wsHttpBinding", "ws2007HttpBinding",
	}
}
