package pac_test

import (
	"encoding/hex"
	"testing"

	"github.com/wssgate/wssgate/kerberos/etype"
	"github.com/wssgate/wssgate/kerberos/internal/krbmsg"
	"github.com/wssgate/wssgate/kerberos/keytab"
	"github.com/wssgate/wssgate/kerberos/pac"
)

// parse reads a PAC whatever its signature.
func parse(b []byte) (*pac.PAC, error) {
	buffers, err := pac.ParseBuffers(b)
	if err != nil {
		return nil, err
	}
	return buffers.Parse()
}

// verifyWith checks the server signature of a PAC.
func verifyWith(b []byte, key etype.Key) error {
	buffers, err := pac.ParseBuffers(b)
	if err != nil {
		return err
	}
	return buffers.Verify(key)
}

// ticketPAC returns the unverified PAC of a token's ticket.
func ticketPAC(t testing.TB, kt *keytab.Keytab, token []byte) []byte {
	t.Helper()
	raw, err := krbmsg.Unframe(token)
	if err != nil {
		t.Fatal(err)
	}
	r, err := krbmsg.ParseAPReq(raw)
	if err != nil {
		t.Fatal(err)
	}
	service := string(r.SName.AppendText(nil)) + "@" + string(r.Realm)
	plain, _, err := kt.OpenTicket(nil, service, r.Ticket.Etype, r.Ticket.Kvno, r.Ticket.Cipher, false)
	if err != nil {
		t.Fatal(err)
	}
	ticket, err := krbmsg.ParseEncTicketPart(plain)
	if err != nil {
		t.Fatal(err)
	}
	b, err := pac.Find(ticket.AuthzData)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
