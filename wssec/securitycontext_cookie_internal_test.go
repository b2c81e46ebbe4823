package wssec

import (
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/wssgate/wssgate/internal/seal"
)

// A Cookie of maxContextCookie octets is issued and opened, and one more is
// neither.
func TestCookieAtItsLimit(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	c := NewSecurityContexts(ContextsConfig{Sealer: seal.Random(), Scope: "/route", Sealed: true,
		Time: func() time.Time { return now }})
	sc := SecurityContext{Identifier: "urn:uuid:1", Token: SecureConversationToken, Namespace: NSWSC05,
		Key: NewKey(make([]byte, 32)), Name: "alice", Realm: "EXAMPLE.COM", Service: "soap/gw@EXAMPLE.COM",
		Created: now, Expires: now.Add(time.Hour), TicketEnd: now.Add(time.Hour)}
	of := func(octets int) ([]byte, error) { // of groups, until the Cookie has as many
		for left := octets - 1000; ; {
			sc.Groups = nil
			for n := range 20 {
				sc.Groups = append(sc.Groups, strings.Repeat(string(rune('a'+n)), (left+n)/20))
			}
			cookie, err := c.Cookie(sc)
			if err != nil || len(cookie) == octets {
				return cookie, err
			}
			left += octets - len(cookie)
		}
	}
	cookie, err := of(maxContextCookie)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.open(sc.Identifier, cookie); err != nil {
		t.Error(err)
	}
	longer := append(cookie, 0)
	if _, err := c.open(sc.Identifier, longer); err == nil || !strings.Contains(err.Error(), "16385 octets") {
		t.Errorf("one over: %v", err)
	}
	sc.Groups[len(sc.Groups)-1] += "x"
	if _, err := c.Cookie(sc); err == nil || !strings.Contains(err.Error(), "16385 octets") {
		t.Errorf("one over is issued: %v", err)
	}
	token := func(text string) string {
		return `<m:t xmlns:m="` + nsMicrosoft + `"><m:Cookie>` + text + `</m:Cookie></m:t>`
	}
	text := base64.StdEncoding.EncodeToString(cookie)
	env := envelopeOf(t, token(text), ``)
	got, err := cookieOf(env.Header.FirstChild())
	if err != nil || string(got) != string(cookie) {
		t.Errorf("%d octets, %v", len(got), err)
	}
}
