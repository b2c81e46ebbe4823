package gss

import (
	"sync"
	"testing"
	"time"

	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/etype"
	"github.com/wssgate/wssgate/kerberos/internal/der"
	"github.com/wssgate/wssgate/kerberos/internal/krbmsg"
)

// TestNewTokenMakesUniqueTimes: under a clock that stands still, and from many
// goroutines, no two authenticators have the same ctime and cusec, with copies
// of one ticket and with the tickets of one client.
func TestNewTokenMakesUniqueTimes(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 2, 3, 4, 5, 999_999_000, time.UTC)
	var shared etype.AuthenticatorClock
	tickets := make([]kerberos.Credential, 4)
	for i := range tickets {
		key, err := etype.GenerateKey(etype.AES128SHA1)
		if err != nil {
			t.Fatal(err)
		}
		tickets[i] = kerberos.Credential{Client: kerberos.Principal{Components: []string{"alice"}, Realm: "EXAMPLE.COM"},
			Service: kerberos.Principal{Components: []string{"s"}, Realm: "EXAMPLE.COM"},
			Ticket: der.Element(der.TagApplication(1), der.Element(der.TagSequence,
				der.Field(0, der.TagInteger, der.Integer(krbmsg.PVNO)), der.Field(1, der.TagGeneralString, []byte("EXAMPLE.COM")),
				der.Element(der.TagContext(2), krbmsg.EncodeName(1, []string{"s"})),
				der.Element(der.TagContext(3), krbmsg.EncodeEncryptedData(18, make([]byte, 64))))),
			SessionKey: key.ShareClock(&shared)}
	}
	var mu sync.Mutex
	seen := make(map[int64]bool)
	var wg sync.WaitGroup
	const each = 200
	for i := range 2 * len(tickets) {
		wg.Go(func() {
			ticket := tickets[i%len(tickets)]
			for range each {
				token, _, err := NewToken(ticket, TokenOptions{Bare: true, Time: func() time.Time { return now }})
				if err != nil {
					t.Error(err)
					return
				}
				at := authenticatorTime(t, token, ticket.SessionKey)
				mu.Lock()
				if seen[at.UnixMicro()] {
					t.Errorf("two authenticators of %v", at)
				}
				seen[at.UnixMicro()] = true
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if len(seen) != 2*len(tickets)*each {
		t.Errorf("%d times", len(seen))
	}
}

func authenticatorTime(t *testing.T, token []byte, key etype.Key) time.Time {
	r, err := krbmsg.ParseAPReq(token)
	if err != nil {
		t.Error(err)
		return time.Time{}
	}
	plain, err := etype.NewUsageKey(key, etype.UsageAuthenticator).Decrypt(nil, r.Authenticator.Cipher)
	if err != nil {
		t.Error(err)
		return time.Time{}
	}
	a, err := krbmsg.ParseAuthenticator(plain)
	if err != nil {
		t.Error(err)
	}
	return a.CTime
}
