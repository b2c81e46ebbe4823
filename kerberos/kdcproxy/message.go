package kdcproxy

import (
	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/internal/der"
	"github.com/wssgate/wssgate/kerberos/internal/krbmsg"
)

// A Kind is a kind of request that is relayed.
type Kind string

// The kinds.
const (
	KindAS       Kind = "AS-REQ"
	KindTGS      Kind = "TGS-REQ"
	KindPassword Kind = "password" // RFC 3244
)

// A message is a request, and what stands in it in clear.
type message struct {
	octets    []byte
	kind      Kind
	realm     string // whose KDC it is for
	principal string // the client's name, without realm
	service   string
}

// parseMessage reads a request. It fails for everything but an AS-REQ, a TGS-REQ
// and a password request, whole and nothing behind it.
func parseMessage(b []byte) (message, error) {
	switch {
	case len(b) == 0:
		return message{}, refuse(CodeMalformed, "an empty message")
	case b[0] == der.TagApplication(10):
		return parseKDCRequest(b, KindAS, 10)
	case b[0] == der.TagApplication(12):
		return parseKDCRequest(b, KindTGS, 12)
	}
	r, err := krbmsg.ParsePasswordRequest(b)
	if err != nil {
		return message{}, refuse(CodeMalformed, "neither AS-REQ nor TGS-REQ, and as a password request: %w", err)
	}
	service := string(r.SName.AppendText(nil))
	if service != "kadmin/changepw" {
		return message{}, refuse(CodeMalformed, "a password request with a ticket for %q, not kadmin/changepw", service)
	}
	return message{octets: b, kind: KindPassword, realm: string(r.Realm), service: service}, nil
}

func parseKDCRequest(b []byte, kind Kind, msgType byte) (message, error) {
	r, _, err := krbmsg.ParseKDCRequest(b, msgType)
	if err != nil {
		return message{}, refuse(CodeMalformed, "%s: %w", kind, err)
	}
	return message{octets: b, kind: kind, realm: r.Realm, principal: nameText(r.Client), service: nameText(r.Service)}, nil
}

// nameText returns the text of a name, escaped.
func nameText(components []string) string { return kerberos.Principal{Components: components}.Name() }
