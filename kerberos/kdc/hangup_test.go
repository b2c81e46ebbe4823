package kdc

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/internal/krbmsg"
)

// TestAKDCThatHangsUpIsAskedAgain: after the others, some times, and not if it may
// count a request that it has read.
func TestAKDCThatHangsUpIsAskedAgain(t *testing.T) {
	t.Parallel()
	const one = "[realms]\nA = {\nkdc = one\n}\n"
	const hungUp = "tcp/one:88: length of the reply: EOF"
	const tcp = "[libdefaults]\nudp_preference_limit = 1\n"
	body := krbmsg.KDCRequest{Client: []string{"alice"}, ClientType: krbmsg.NamePrincipal, Realm: "A",
		Service: []string{"krbtgt", "A"}, Till: krbmsg.NoEnd(), Nonce: 7, Etypes: []int32{18}}
	with := func(kind int64) []byte {
		return krbmsg.EncodeKDCRequest(10, krbmsg.EncodePAData(kind, []byte("x")), body.Body())
	}
	oneTime, password := with(krbmsg.PAOTPRequest), with(krbmsg.PAEncTimestamp)
	for name, c := range map[string]struct {
		conf    string
		request []byte
		hangUps int // of KDC one, before it answers
		silent  bool
		asked   string
		err     string
	}{
		"once":             {conf: one, hangUps: 1, asked: "one one"},
		"five times":       {conf: one, hangUps: 5, asked: "one one one one one one"},
		"always":           {conf: one, hangUps: 9, asked: "one one one one one one", err: hungUp},
		"another answers":  {conf: twoKDCs, hangUps: 1, asked: "one two"},
		"another is dumb":  {conf: twoKDCs, hangUps: 1, silent: true, asked: "one two one"},
		"a password":       {conf: one, request: password, hangUps: 9, asked: "one one", err: hungUp},
		"one-time":         {conf: one, request: oneTime, hangUps: 9, asked: "one", err: hungUp},
		"one-time, of two": {conf: twoKDCs, request: oneTime, hangUps: 9, asked: "one two"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var asked []string
				play := scriptedDial(func(network, address string, conn net.Conn) {
					if strings.HasPrefix(address, "one") && c.hangUps > 0 {
						c.hangUps--
						_, _ = conn.Read(make([]byte, 4000))
						return
					}
					if strings.HasPrefix(address, "two") && c.silent {
						_, _ = conn.Read(make([]byte, 4000))
						time.Sleep(time.Minute)
					}
					answerBy(network, conn, errReply(6))
				})
				k := newKDCs(t, TransportConfig{Krb5Conf: c.conf + tcp, Patience: time.Second, Timeout: 10 * time.Second,
					Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
						asked = append(asked, address[:3])
						return play(ctx, network, address)
					}})
				request := c.request
				if request == nil {
					request = []byte("request")
				}
				start := time.Now()
				reply, err := k.Exchange(t.Context(), "A", request)
				if got := strings.Join(asked, " "); got != c.asked || time.Since(start) > 2*time.Second {
					t.Errorf("asked %s in %v, want %s", got, time.Since(start), c.asked)
				}
				switch {
				case c.err == "" && (err != nil || len(reply) == 0):
					t.Errorf("%d octets, %v", len(reply), err)
				case c.err != "" && (!errors.Is(err, &kerberos.Error{Code: kerberos.CodeKDC}) ||
					strings.Count(fmt.Sprint(err), c.err) != 1):
					t.Errorf("%v, want %s once", err, c.err)
				}
				time.Sleep(2 * time.Minute) // what is slow ends
			})
		})
	}
}
