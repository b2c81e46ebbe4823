package gss_test

import (
	"testing"

	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/gss"
	"github.com/wssgate/wssgate/kerberos/keytab"
	"github.com/wssgate/wssgate/kerberos/krbtest"
)

// keytabOf changes the entries of the present keytab of the service.
func keytabOf(k *krbtest.KDC, change func(e *keytab.Entry), etypes ...int32) []keytab.Entry {
	entries := k.Entries([]string{service}, etypes...)
	for i := range entries {
		change(&entries[i])
	}
	return entries
}

func withKvno(kvno uint32) func(*keytab.Entry) {
	return func(e *keytab.Entry) { e.Kvno = kvno }
}

// TestAcceptorTriesKeysInOrder checks the order of keys and the texts of its
// refusals.
func TestAcceptorTriesKeysInOrder(t *testing.T) {
	t.Parallel()
	k := newKDC()
	first := keytabOf(k, func(*keytab.Entry) {}, 18)
	k.AddService(service) // kvno 2
	second := keytabOf(k, func(*keytab.Entry) {}, 18)
	wrong := func(kvno uint32) []keytab.Entry {
		x := krbtest.New(krbtest.Config{})
		x.AddService(service)
		return keytabOf(x, withKvno(kvno), 18)
	}
	aes128 := keytabOf(k, func(*keytab.Entry) {}, 17)
	short := func(kvno uint32) func(*keytab.Entry) {
		return func(e *keytab.Entry) { e.Kvno, e.ShortKvno = kvno, true }
	}
	tests := []struct {
		name     string
		keytab   [][]keytab.Entry
		kvno     uint32 // that the ticket says, always with the key of kvno 2
		exact    bool
		want     kerberos.Code
		used     uint32
		fallback bool
		words    []string
	}{
		{name: "exact", keytab: [][]keytab.Entry{first, second}, kvno: 2, used: 2},
		{name: "exact among wrong ones", keytab: [][]keytab.Entry{wrong(9), second, wrong(1)}, kvno: 2,
			exact: true, used: 2},
		{name: "two of one kvno", keytab: [][]keytab.Entry{wrong(2), second}, kvno: 2, exact: true, used: 2},
		{name: "keytab says 7 for 2", keytab: [][]keytab.Entry{keytabOf(k, withKvno(7), 18)}, kvno: 2, used: 7,
			fallback: true},
		{name: "the same, exact only", keytab: [][]keytab.Entry{keytabOf(k, withKvno(7), 18)}, kvno: 2, exact: true,
			want:  kerberos.CodeNoKvno,
			words: []string{"keytab has kvno 7 etype 18", "ticket wants kvno 2 etype 18", "older ticket"}},
		{name: "wrong number on another key", keytab: [][]keytab.Entry{wrong(2), keytabOf(k, withKvno(1), 18)}, kvno: 2,
			used: 1, fallback: true},
		{name: "kvno 0", keytab: [][]keytab.Entry{keytabOf(k, withKvno(0), 18)}, kvno: 2, exact: true, used: 0,
			fallback: true},
		{name: "kvno 0 after exact", keytab: [][]keytab.Entry{keytabOf(k, withKvno(0), 18), second}, kvno: 2, used: 2},
		{name: "ticket without kvno", keytab: [][]keytab.Entry{first, second, wrong(3)}, exact: true, used: 2},
		{name: "8 bits of kvno", keytab: [][]keytab.Entry{keytabOf(k, short(2), 18)}, kvno: 258, exact: true, used: 2},
		{name: "8 bits of another kvno", keytab: [][]keytab.Entry{keytabOf(k, short(3), 18)}, kvno: 258, exact: true,
			want: kerberos.CodeNoKvno},
		{name: "keytab too old", keytab: [][]keytab.Entry{wrong(1)}, kvno: 20, want: kerberos.CodeNoKvno,
			words: []string{"keytab has kvno 1 etype 18 (aes256-cts-hmac-sha1-96) for soap/gw.example.com@EXAMPLE.COM",
				"ticket wants kvno 20", "fetch a new keytab", "no other key of this encryption type opens"}},
		{name: "ticket too old", keytab: [][]keytab.Entry{wrong(13)}, kvno: 9, want: kerberos.CodeNoKvno,
			words: []string{"ticket wants kvno 9", "client holds an older ticket", "purge"}},
		{name: "right kvno, wrong key", keytab: [][]keytab.Entry{wrong(2)}, kvno: 2, want: kerberos.CodeTicketIntegrity,
			words: []string{"this key does not open it", "not the KDC's"}},
		{name: "other etype", keytab: [][]keytab.Entry{aes128}, kvno: 2, want: kerberos.CodeNoEtype,
			words: []string{"keytab has kvno 2 etype 17 (aes128-cts-hmac-sha1-96)", "ticket wants kvno 2 etype 18"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var entries []keytab.Entry
			for _, e := range test.keytab {
				entries = append(entries, e...)
			}
			a := newAcceptor(t, k, gss.AcceptorConfig{Keytab: keytab.New(entries...), ExactKvno: test.exact})
			token, _ := mustToken(t, k,
				krbtest.TokenOptions{Ticket: krbtest.TicketOptions{WrittenKvno: test.kvno, NoKvno: test.kvno == 0}})
			c, err := a.Accept(t.Context(), token)
			if test.want != "" {
				wantRefusal(t, err, test.want, test.words...)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if f := c.Facts(); f.KeytabKvno != test.used || f.Fallback != test.fallback || f.TicketKvno != test.kvno {
				t.Errorf("%+v", f)
			}
		})
	}
}

// TestAcceptorBoundsKeyTrials: a keytab with very many keys does not make a
// token costly.
func TestAcceptorBoundsKeyTrials(t *testing.T) {
	t.Parallel()
	k := newKDC()
	var entries []keytab.Entry
	for i := range 5000 {
		x := k.Entries([]string{other}, 18)[0]
		x.Principal.Components = []string{"soap", "gw.example.com"}
		x.Kvno = uint32(100 + i)
		entries = append(entries, x)
	}
	a := newAcceptor(t, k,
		gss.AcceptorConfig{Keytab: keytab.New(append(entries, k.Entries([]string{service}, 18)...)...)})
	token, _ := mustToken(t, k, krbtest.TokenOptions{})
	if c, err := a.Accept(t.Context(), token); err != nil || c.Facts().KeytabKvno != 1 {
		t.Error("the exact key comes first:", err)
	}
	token, _ = mustToken(t, k, krbtest.TokenOptions{Ticket: krbtest.TicketOptions{WrittenKvno: 7}})
	_, err := a.Accept(t.Context(), token)
	wantRefusal(t, err, kerberos.CodeNoKvno, "… 4989 more")
}
