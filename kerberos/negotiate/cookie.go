package negotiate

import (
	"encoding/base64"
	"net/http"
	"slices"
	"strings"
	"time"
)

// A cookie is the value of ours: a letter for what it names, and the secret
// under which that is in the store, or the sealed record itself. That of a
// session in the store has the name of its slot in front of the secret.
type cookie struct {
	kind  byte // 0: none
	value []byte
}

const (
	kindLeg     byte = 'n' // a half-open negotiation
	kindContext byte = 'c' // an established context, for one more request
	kindSession byte = 's' // a session in the store
	kindSealed  byte = 'e' // a session in the cookie
)

const (
	secretBytes = 32
	slotBytes   = 32 // of the name of a slot, in front of the secret of a session
	// maxCookie is the longest value: browsers keep 4096 octets with name and
	// attributes.
	maxCookie = 3800
)

// readCookie returns the cookie of a request. One that is malformed is as good
// as none, and so are several of the name: which of them is ours is not known,
// since other hosts of the domain can set one too.
func (a *Authenticator) readCookie(r *http.Request) cookie {
	all := r.CookiesNamed(a.cfg.CookieName)
	if len(all) != 1 || len(all[0].Value) < 2 || len(all[0].Value) > maxCookie {
		return cookie{}
	}
	text := all[0].Value
	value, err := base64.RawURLEncoding.Strict().DecodeString(text[1:])
	switch {
	case err != nil:
	case text[0] == kindSealed && a.cfg.Session > 0,
		text[0] == kindSession && a.cfg.Session > 0 && len(value) == slotBytes+secretBytes,
		len(value) == secretBytes && (text[0] == kindLeg || text[0] == kindContext && a.cfg.BodyLater):
		return cookie{text[0], value}
	}
	return cookie{}
}

func (c cookie) String() string {
	return string(c.kind) + base64.RawURLEncoding.EncodeToString(c.value)
}

// setCookie adds a Set-Cookie header to h, good until a time. No response that has
// it stays in a shared cache: see [Result.Complete] and [Authenticator.Write].
func (q *request) setCookie(h http.Header, c cookie, until time.Time) {
	out := q.newCookie(c.String())
	out.MaxAge = max(1, int(until.Sub(q.now).Seconds()))
	h.Add("Set-Cookie", out.String())
}

// dropCookie sees that h has a Set-Cookie header that removes ours, if the
// client sent it.
func (q *request) dropCookie(h http.Header) {
	if len(q.r.CookiesNamed(q.a.cfg.CookieName)) == 0 {
		return
	}
	out := q.newCookie("")
	out.MaxAge = -1
	if text := out.String(); !slices.Contains(h["Set-Cookie"], text) {
		h.Add("Set-Cookie", text)
	}
}

func (q *request) newCookie(value string) *http.Cookie {
	cfg := &q.a.cfg
	return &http.Cookie{Name: cfg.CookieName, Value: value, Path: cfg.CookiePath, HttpOnly: true,
		Secure: cfg.SecureCookie || q.r.TLS != nil, SameSite: cfg.SameSite}
}

// CookieName returns the name of the cookie. What stands in front of several
// handlers must not pass it to any of them: browsers send the cookie of / to all
// paths below it.
func (a *Authenticator) CookieName() string { return a.cfg.CookieName }

// withoutSecrets returns the header without what authenticates the client to
// us: whatever the handler passes on, nobody can use it here.
func (a *Authenticator) withoutSecrets(h http.Header) http.Header {
	h = h.Clone()
	if name, _ := cutScheme(h.Get("Authorization")); a.ours(name) {
		h.Del("Authorization")
	}
	var kept []string
	for _, field := range h["Cookie"] {
		pairs := strings.Split(field, ";")
		pairs = slices.DeleteFunc(pairs, func(pair string) bool {
			name, _, _ := strings.Cut(pair, "=")
			return strings.TrimSpace(name) == a.cfg.CookieName
		})
		if field = strings.TrimSpace(strings.Join(pairs, ";")); field != "" {
			kept = append(kept, field)
		}
	}
	if h["Cookie"] = kept; kept == nil {
		delete(h, "Cookie")
	}
	return h
}
