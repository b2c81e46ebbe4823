package wssec_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/wssgate/wssgate/wssec"
)

func TestVerifyReplyRequiresTheConfirmationOfItsRequest(t *testing.T) {
	t.Parallel()
	ps := newPeers(t, symmetric(func(p *wssec.Policy) { p.SignatureConfirmation = true }), nil)
	first, sent := ps.request(t, plainOrder)
	_, sentLater := ps.request(t, message(300))
	m, err := ps.verify(t, first)
	if err != nil {
		t.Fatal(err)
	}
	reply, err := ps.service.Protect(t.Context(), nil, parse(t, []byte(plainOrder)), m)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ps.client.VerifyReply(context.Background(), parse(t, reply), sent, secure()); err != nil {
		t.Fatal(err)
	}
	_, err = ps.client.VerifyReply(context.Background(), parse(t, reply), sentLater, secure())
	refused(t, err, wssec.CodeConfirmation)
}

// TestVerifyRequiresTheCoverageOfThePolicy: a message that another policy would
// take is refused for the part that this one asks for.
func TestVerifyRequiresTheCoverageOfThePolicy(t *testing.T) {
	t.Parallel()
	addressing := wssec.Parts{Body: true, Headers: []string{"{http://www.w3.org/2005/08/addressing}To"}}
	for name, tt := range map[string]struct {
		client, service func(*wssec.Policy)
		want            wssec.Code
	}{
		"header block": {
			client:  func(*wssec.Policy) {},
			service: func(p *wssec.Policy) { p.SignedParts = addressing },
			want:    wssec.CodeNotSigned,
		},
		"token": {
			client:  func(*wssec.Policy) {},
			service: func(p *wssec.Policy) { p.ProtectTokens = true },
			want:    wssec.CodeNotSigned,
		},
		"Body in clear": {
			client:  func(p *wssec.Policy) { p.EncryptedParts = wssec.Parts{} },
			service: func(*wssec.Policy) {},
			want:    wssec.CodeNotEncrypted,
		},
		"header block in clear": {
			client:  func(p *wssec.Policy) { p.SignedParts = addressing },
			service: func(p *wssec.Policy) { p.SignedParts, p.EncryptedParts = addressing, addressing },
			want:    wssec.CodeNotEncrypted,
		},
		"Signature in clear": {
			client:  func(*wssec.Policy) {},
			service: func(p *wssec.Policy) { p.EncryptSignature = true },
			want:    wssec.CodeNotEncrypted,
		},
	} {
		t.Run(name, func(t *testing.T) {
			ps := newPeers(t, symmetric(tt.client), nil)
			msg, _ := ps.request(t, message(300))
			if _, err := ps.verify(t, msg); err != nil {
				t.Fatal(err)
			}
			ps.serve(t, symmetric(tt.service))
			_, err := ps.verify(t, msg)
			refused(t, err, tt.want)
		})
	}
}

// A Timestamp that the signature does not cover may be anybody's, also where no
// replay store asks for one.
func TestVerifyRejectsATimestampThatIsNotSigned(t *testing.T) {
	t.Parallel()
	with := func(rule wssec.TimestampRule) wssec.Policy {
		return symmetric(func(p *wssec.Policy) { p.Timestamp, p.MessageReplay = rule, wssec.SwitchOff })
	}
	ps := newPeers(t, with(wssec.TimestampForbidden), nil)
	msg, _ := ps.request(t, plainOrder)
	ps.serve(t, with(wssec.TimestampOptional))
	if _, err := ps.verify(t, msg); err != nil {
		t.Fatal(err)
	}
	timestamp := `<u:Timestamp xmlns:u="` + wssec.NSWSU + `"><u:Created>` + ps.now.UTC().Format(time.RFC3339) +
		`</u:Created></u:Timestamp></wsse:Security>`
	_, err := ps.verify(t, []byte(replace(t, string(msg), `</wsse:Security>`, timestamp)))
	refused(t, err, wssec.CodeNotSigned)
}

// TestVerifyRequiresTheLayoutOfThePolicy: elements that stand in another order
// than the layout has them (WS-SecurityPolicy §6.7) are refused, however valid
// the rest.
func TestVerifyRequiresTheLayoutOfThePolicy(t *testing.T) {
	t.Parallel()
	ps := newPeers(t, symmetric(), nil)
	raw, _ := ps.request(t, plainOrder)
	msg := string(raw)
	timestamp := find(t, msg, `(?s)<wsu:Timestamp .*</wsu:Timestamp>`)
	token := find(t, msg, `(?s)<wsse:BinarySecurityToken .*</wsse:BinarySecurityToken>`)
	toTheEnd := func(element string) string {
		return replace(t, replace(t, msg, element, ""), "</wsse:Security>", element+"</wsse:Security>")
	}
	for _, tt := range []struct {
		layout wssec.Layout
		msg    string
		ok     bool
	}{
		{wssec.LayoutLax, msg, true},
		{wssec.LayoutLax, toTheEnd(token), true},
		{wssec.LayoutLax, toTheEnd(timestamp), true},
		{wssec.LayoutLaxTimestampFirst, msg, true},
		{wssec.LayoutLaxTimestampFirst, toTheEnd(timestamp), false},
		{wssec.LayoutLaxTimestampLast, msg, false},
		{wssec.LayoutLaxTimestampLast, toTheEnd(timestamp), true},
		{wssec.LayoutStrict, msg, true},
		{wssec.LayoutStrict, toTheEnd(token), false},
	} {
		ps.serve(t, symmetric(func(p *wssec.Policy) { p.Layout = tt.layout }))
		_, err := ps.verify(t, []byte(tt.msg))
		if tt.ok && err != nil {
			t.Errorf("%s: %v", tt.layout, err)
		}
		if !tt.ok {
			refused(t, err, wssec.CodeLayout)
		}
	}
}

// TestLayoutErrorNamesTheFirstDerivedKey of several that stand before their token: the
// same for the same message.
func TestLayoutErrorNamesTheFirstDerivedKey(t *testing.T) {
	t.Parallel()
	policy := symmetric(func(p *wssec.Policy) { p.DerivedKeys = wssec.DerivedKeysRequired })
	ps := newPeers(t, policy, nil)
	raw, _ := ps.request(t, plainOrder)
	token := find(t, string(raw), `(?s)<wsse:BinarySecurityToken .*</wsse:BinarySecurityToken>`)
	msg := replace(t, replace(t, string(raw), token, ""), "</wsse:Security>", token+"</wsse:Security>")
	policy.Layout = wssec.LayoutStrict
	ps.serve(t, policy)
	for range 50 {
		_, err := ps.verify(t, []byte(msg))
		refused(t, err, wssec.CodeLayout)
		if e := new(wssec.Error); !errors.As(err, &e) || !strings.HasSuffix(e.Path, "/DerivedKeyToken[1]") {
			t.Fatal(err)
		}
	}
}
