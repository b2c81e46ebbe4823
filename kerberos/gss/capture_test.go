package gss_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/jcmturner/gokrb5/v8/crypto"
	gokeytab "github.com/jcmturner/gokrb5/v8/keytab"
	"github.com/jcmturner/gokrb5/v8/messages"

	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/gss"
	"github.com/wssgate/wssgate/kerberos/keytab"
)

// A capture is a token of a real client; see ../testdata/cxf-tokens.txt.
type capture struct {
	name  string
	time  time.Time
	token []byte
}

func captures(t testing.TB) (list []capture) {
	t.Helper()
	readRecorded(t, "../testdata/cxf-tokens.txt", func(name string, at time.Time, tokens [][]byte) {
		list = append(list, capture{name, at, tokens[0]})
	})
	return list
}

// TestAcceptorAcceptsCaptures accepts every token of Apache CXF's clients once,
// and compares the key with gokrb5's reading.
func TestAcceptorAcceptsCaptures(t *testing.T) {
	t.Parallel()
	kt, err := keytab.Load("../testdata/cxf.keytab")
	if err != nil {
		t.Fatal(err)
	}
	list := captures(t)
	if len(list) < 40 {
		t.Fatalf("%d tokens", len(list))
	}
	for _, c := range list {
		t.Run(c.name, func(t *testing.T) {
			cfg := gss.AcceptorConfig{Keytab: kt, Etypes: allEtypes, Time: func() time.Time { return c.time }}
			got, err := newAcceptor(t, nil, cfg).Accept(t.Context(), c.token)
			if err != nil {
				t.Fatal(err)
			}
			// CXF's tokens are for GSS-API, and bound to nothing.
			cfg.BindingRule = gss.BindingsWhenPresent
			if again, err := newAcceptor(t, nil, cfg).Accept(t.Context(), c.token); err != nil || again.Facts().ChannelBound {
				t.Errorf("when bindings are looked at: %v", err)
			}
			cfg.BindingRule = gss.BindingsRequired
			if _, err := newAcceptor(t, nil, cfg).Accept(t.Context(), c.token); code(err) != kerberos.CodeBindings {
				t.Errorf("when bindings are required: %v", err)
			}
			if name, realm := got.Client(); name != "alice" || realm != "EXAMPLE.COM" {
				t.Errorf("%v", got)
			}
			rc4 := strings.Contains(c.name, "rc4")
			want := "bob/service.ws.apache.org@EXAMPLE.COM"
			if rc4 {
				want = "soap/rc4only.example.com@EXAMPLE.COM"
			}
			if f := got.Facts(); got.Service() != want || !f.Subkey || f.GSSFlags&0x3c != 0x3c || f.Fallback ||
				(f.TicketEtype == 23) != rc4 {
				t.Errorf("%v, %+v", got, f)
			}
			if key := gokrb5Subkey(t, c.token); !bytes.Equal(key, got.ExposeKeyOctets()) {
				t.Error("effective key is not the authenticator's subkey")
			}
			cfg.Etypes, cfg.Replay = nil, nil
			if _, err := newAcceptor(t, nil, cfg).Accept(t.Context(), c.token); (code(err) == kerberos.CodeEtype) != rc4 {
				t.Errorf("without RC4: %v", err)
			}
		})
	}
}

// gokrb5Subkey decrypts a GSS-API token with gokrb5 alone.
func gokrb5Subkey(t *testing.T, token []byte) []byte {
	t.Helper()
	kt, err := gokeytab.Load("../testdata/cxf.keytab")
	if err != nil {
		t.Fatal(err)
	}
	at := bytes.Index(token, []byte("\x01\x00\x6e")) + 2 // behind the token identifier
	var req messages.APReq
	if err := req.Unmarshal(token[at:]); err != nil {
		t.Fatal(err)
	}
	if err := req.Ticket.DecryptEncPart(kt, nil); err != nil {
		t.Fatal(err)
	}
	plain, err := crypto.DecryptEncPart(req.EncryptedAuthenticator, req.Ticket.DecryptedEncPart.Key, 11)
	if err != nil {
		t.Fatal(err)
	}
	if err := req.Authenticator.Unmarshal(plain); err != nil {
		t.Fatal(err)
	}
	return req.Authenticator.SubKey.KeyValue
}
