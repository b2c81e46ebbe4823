package wssec_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"slices"
	"testing"

	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/gss"
	"github.com/wssgate/wssgate/kerberos/krbtest"
	"github.com/wssgate/wssgate/wssec"
)

// memberOf adds groups to what another verifier accepts.
type memberOf struct {
	wssec.TokenVerifier
	groups []string
}

type member struct {
	wssec.VerifiedToken
	groups []string
}

func (m member) Groups() []string { return m.groups }

func (m memberOf) VerifyToken(ctx context.Context, token []byte, bindings [][]byte) (wssec.VerifiedToken, error) {
	t, err := m.TokenVerifier.VerifyToken(ctx, token, bindings)
	if err != nil {
		return nil, err
	}
	return member{t, m.groups}, nil
}

// A message has the groups of its client, also one that names its token by the
// hash.
func TestMessageHasTheGroupsOfItsClient(t *testing.T) {
	t.Parallel()
	ps := newPeers(t, symmetric(tokenOnce), nil)
	groups := []string{"S-1-5-21-1-2-3-512", "S-1-5-21-1-2-3-513"}
	cfg := ps.cfg
	cfg.Verifier = memberOf{cfg.Verifier, groups}
	var err error
	if ps.service, err = wssec.NewProcessor(symmetric(tokenOnce), cfg); err != nil {
		t.Fatal(err)
	}
	for _, omit := range []bool{false, true} {
		ps.token.Omit = omit
		req, _ := ps.request(t, plainOrder)
		m, err := ps.verify(t, req)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(m.Groups(), []string{"S-1-5-21-1-2-3-512", "S-1-5-21-1-2-3-513"}) {
			t.Errorf("token left out %v: groups %q", omit, m.Groups())
		}
		groups[0] = "S-1-5-21-1-2-3-500" // what was verified does not change with it
	}
}

// A bearer token that its client made for another protocol or another channel
// is refused, whoever presents it; one that only shows that its client knows of
// bindings is not.
func TestVerifyRejectsTokensBoundToAnotherChannel(t *testing.T) {
	t.Parallel()
	kdc := krbtest.New(krbtest.Config{})
	kdc.AddService("soap/gw.example.com")
	bound := binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint32(nil, 16), 1)
	bound = append(bound, bytes.Repeat([]byte{0xAB}, 12)...)
	bound = binary.LittleEndian.AppendUint32(bound, kerberos.GSSMutual)
	knows := []byte{0x30, 0x10, 0x30, 0x0e, 0xa0, 0x04, 0x02, 0x02, 0x00, 0x8f, 0xa1, 0x06, 0x04, 0x04, 0x00, 0x40,
		0x00, 0x00}
	for name, tt := range map[string]struct {
		krbtest.TokenOptions
		want kerberos.Code // "" is accepted
	}{
		"bound to another channel": {krbtest.TokenOptions{Checksum: bound}, kerberos.CodeBindings},
		"checksum of another protocol": {krbtest.TokenOptions{Checksum: []byte("0123456789ab"), ChecksumType: 16},
			kerberos.CodeMechanism},
		"knows of bindings, and has none": {krbtest.TokenOptions{AuthzType: 1, AuthzData: knows}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			a, err := gss.NewAcceptor(gss.AcceptorConfig{Keytab: kdc.Keytab(nil), BindingRule: gss.BindingsWhenPresent})
			if err != nil {
				t.Fatal(err)
			}
			p, err := wssec.NewProcessor(preset(t, "KerberosToken"), wssec.Config{Verifier: a})
			if err != nil {
				t.Fatal(err)
			}
			token, key, err := kdc.Token("alice", "soap/gw.example.com", tt.TokenOptions)
			if err != nil {
				t.Fatal(err)
			}
			msg, _, err := p.ProtectRequest(nil, parse(t, []byte(plainOrder)),
				wssec.OutgoingToken{Token: token, Key: wssec.NewKey(key.ExposeKeyOctets())})
			if err != nil {
				t.Fatal(err)
			}
			channel := secure()
			channel.Bindings = [][]byte{[]byte("tls-server-end-point:ours")}
			_, err = p.Verify(t.Context(), parse(t, msg), channel)
			if tt.want == "" && err != nil || tt.want != "" && !errors.Is(err, &kerberos.Error{Code: tt.want}) {
				t.Errorf("%v, want %q", err, tt.want)
			}
		})
	}
}
