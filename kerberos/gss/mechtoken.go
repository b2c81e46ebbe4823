package gss

import (
	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/internal/krbmsg"
)

// MechToken returns the Kerberos token in a SPNEGO token, the mechToken of its
// NegTokenInit (RFC 4178 §4.2.1), and any other token as it is. It is for who
// accepts tokens without an answer, as [Acceptor.Accept] does: clients of HTTP
// send SPNEGO. Nothing is negotiated, so the token has to be there, and Kerberos
// has to be the client's first choice; then there is no mechListMIC (§5). The
// result lies in token. The error is a [*kerberos.Error].
func MechToken(token []byte) ([]byte, error) {
	if len(token) > kerberos.MaxTokenBytes {
		return nil, kerberos.Errorf(kerberos.CodeTokenTooLarge, "token of %d octets, limit %d",
			len(token), kerberos.MaxTokenBytes)
	}
	if !negotiates(token) {
		return token, nil
	}
	init, _, err := krbmsg.ParseNegotiationToken(token)
	switch {
	case err != nil:
		return nil, &kerberos.Error{Code: kerberos.CodeTokenMalformed, Detail: "token is not a SPNEGO token", Err: err}
	case init == nil:
		return nil, kerberos.Errorf(kerberos.CodeNegotiation, "a NegTokenResp, and there is no negotiation here")
	case !krbmsg.IsKerberos(init.Mechs[0]):
		return nil, krbmsg.NoKerberos(init)
	case init.MechToken == nil:
		return nil, kerberos.Errorf(kerberos.CodeNegotiation,
			"a NegTokenInit without the token of its first mechanism; this service answers no further leg")
	}
	return init.MechToken, nil
}

// negotiates reports whether a token is one of SPNEGO: with a frame of its
// mechanism, or bare.
func negotiates(token []byte) bool {
	if len(token) == 0 || token[0] != 0x60 {
		return len(token) > 0 && (token[0] == 0xa0 || token[0] == 0xa1)
	}
	oid, _, err := krbmsg.ReadFrame(token)
	return err == nil && string(oid) == krbmsg.OIDSPNEGO
}
