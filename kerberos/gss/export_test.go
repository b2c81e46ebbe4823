package gss

import (
	"github.com/wssgate/wssgate/kerberos/etype"
	"github.com/wssgate/wssgate/kerberos/internal/krbmsg"
	"github.com/wssgate/wssgate/kerberos/keytab"
	"github.com/wssgate/wssgate/kerberos/pac"
)

// ParsePAC reads a PAC whatever its signature.
func ParsePAC(b []byte) (*pac.PAC, error) {
	buffers, err := pac.ParseBuffers(b)
	if err != nil {
		return nil, err
	}
	return buffers.Parse()
}

// TicketPAC gives the PAC of a token's ticket as it is, nil when the keytab does not open it.
func TicketPAC(kt *keytab.Keytab, token []byte) []byte {
	raw, err := krbmsg.Unframe(token)
	if err != nil {
		return nil
	}
	r, err := krbmsg.ParseAPReq(raw)
	if err != nil {
		return nil
	}
	service := string(r.SName.AppendText(nil)) + "@" + string(r.Realm)
	plain, _, err := kt.OpenTicket(nil, service, r.Ticket.Etype, r.Ticket.Kvno, r.Ticket.Cipher, false)
	if err != nil {
		return nil
	}
	t, err := krbmsg.ParseEncTicketPart(plain)
	if err != nil {
		return nil
	}
	pac, _ := pac.Find(t.AuthzData)
	return pac
}

// VerifyPAC checks the server signature of a PAC.
func VerifyPAC(b []byte, key etype.Key) error {
	buffers, err := pac.ParseBuffers(b)
	if err != nil {
		return err
	}
	return buffers.Verify(key)
}

// FindPAC gives the PAC in the content of AuthorizationData.
func FindPAC(authzData []byte) ([]byte, error) { return pac.Find(authzData) }
