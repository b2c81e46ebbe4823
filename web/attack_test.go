package web

import (
	"context"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"
	"unsafe"
	"weak"
)

type pageKey struct{}

// A pageless is a realm whose relay gets nothing of a page's request.
type pageless struct{ *realm }

// Exchange implements [kdc.Exchanger].
func (r pageless) Exchange(ctx context.Context, name string, request []byte) ([]byte, error) {
	if ctx.Value(pageKey{}) != nil {
		r.t.Error("the relay gets what belongs to the page's request")
	}
	return r.realm.Exchange(ctx, name, request)
}

// What the context of a page's request has is for the service: in a page it is the
// request itself, and a relay of HTTP has the same transport.
func TestRelayGetsNothingOfThePagesRequest(t *testing.T) {
	t.Parallel()
	r := newRealm(t)
	cfg := r.config()
	cfg.KDC = pageless{r}
	ctx := context.WithValue(t.Context(), pageKey{}, "the page's")
	s, err := Login(ctx, cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Logout(ctx)
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, challenging(t), nil)
	if err != nil {
		t.Fatal(err)
	}
	before := len(r.asked)
	if resp, err := s.RoundTrip(request); err != nil || resp.StatusCode != http.StatusUnauthorized {
		t.Fatal(resp, err)
	}
	if len(r.asked) == before {
		t.Error("no ticket was asked for")
	}
}

// A session does not keep the password: nothing leads to it after the login.
func TestSessionForgetsThePassword(t *testing.T) {
	t.Parallel()
	r := newRealm(t)
	cfg := r.config()
	cfg.Password = strings.Clone(secret)
	password := weak.Make(unsafe.StringData(cfg.Password))
	s, err := Login(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	cfg = Config{}
	for until := time.Now().Add(30 * time.Second); password.Value() != nil; runtime.GC() {
		if time.Now().After(until) {
			t.Fatal("the session leads to the password")
		}
	}
	if s.User() == "" {
		t.Error("no session")
	}
	s.Logout(t.Context())
}
