package gateway_test

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/wssgate/wssgate/internal/gateway"
	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/wssec"
)

// grouped tells the groups of w with every token.
type grouped struct {
	wssec.TokenVerifier
	w *world
}

type member struct {
	wssec.VerifiedToken
	groups []string
}

func (m member) Groups() []string { return m.groups }

func (g grouped) VerifyToken(ctx context.Context, token []byte, bindings [][]byte) (wssec.VerifiedToken, error) {
	t, err := g.TokenVerifier.VerifyToken(ctx, token, bindings)
	if err != nil {
		return nil, err
	}
	return member{t, g.w.groups}, nil
}

// One of the groups must be the client's, and the other lists have to allow it as well.
func TestAllowedGroups(t *testing.T) {
	const admins, users, other = "S-1-5-21-1-2-3-512", "S-1-5-21-1-2-3-513", "S-1-5-21-9-9-9-512"
	for _, tt := range []struct {
		allowed, has []string
		principals   []string
		code, says   string
	}{
		{nil, nil, nil, "ok", ""},
		{nil, []string{users}, nil, "ok", ""},
		{[]string{admins}, []string{users, admins}, nil, "ok", ""},
		{[]string{other, users}, []string{users, admins}, nil, "ok", ""},
		{[]string{admins}, []string{users, other}, nil, "not-in-group", "alice@EXAMPLE.COM is in none of allowed-groups: its ticket tells of 2 other groups"},
		{[]string{admins}, nil, nil, "not-in-group", "tells of no groups that count (no PAC"},
		{[]string{admins}, []string{admins + "0", "s" + admins[1:], ""}, nil, "not-in-group", "3 other groups"},
		{[]string{admins}, []string{admins}, []string{"bob@EXAMPLE.COM"}, "not-authorized", "allowed-principals"},
		{[]string{admins}, []string{users}, []string{"alice@EXAMPLE.COM"}, "not-in-group", ""},
	} {
		w := newWorld(t, func(_ *gateway.Config, r *gateway.Route, _ *wssec.Policy) {
			r.AllowedGroups, r.AllowedPrincipals = tt.allowed, tt.principals
		})
		w.groups = tt.has
		r, req := w.call()
		ev := w.event(1)
		text, _ := ev["error"].(string)
		if ev["code"] != tt.code || !strings.Contains(text, tt.says) {
			t.Errorf("%+v: code %v: %s", tt, ev["code"], text)
		}
		if n, told := ev["groups"]; told != (len(tt.has) > 0) || told && n != float64(len(tt.has)) || strings.Contains(toJSON(t, ev), "S-1-5") {
			t.Errorf("%+v: event %v", tt, ev)
		}
		if tt.code == "ok" {
			w.open(r, req)
			continue
		}
		if f := w.openFault(r, req); f.Subcode.Local != "FailedAuthentication" || w.calls() != 0 {
			t.Errorf("%+v: fault %+v, %d calls", tt, f, w.calls())
		}
	}
}

// A disabled route says nothing of who or what, and asks nobody.
func TestDisabledRoute(t *testing.T) {
	w := newWorld(t, func(_ *gateway.Config, r *gateway.Route, _ *wssec.Policy) { r.Disabled = true })
	for i, v := range []soap.Version{soap.V11, soap.V12} {
		msg, _ := w.protect(v, payload)
		r := w.post(v, bytes.NewReader(msg))
		if f := w.plainFault(r); f.Code != soap.Receiver || r.StatusCode != http.StatusInternalServerError || w.code(i+1) != "service-disabled" || w.calls() != 0 {
			t.Errorf("HTTP %d, code %s, %+v", r.StatusCode, w.code(i+1), f)
		}
		if got := r.Header.Get("Content-Type"); got != v.ContentType() {
			t.Errorf("Content-Type %s", got)
		}
	}
	if _, err := gateway.New(gateway.Config{Log: slog.New(slog.DiscardHandler), Routes: []gateway.Route{{Path: "/a", Disabled: true}}}); err != nil {
		t.Error(err)
	}
}
