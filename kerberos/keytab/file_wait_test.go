package keytab_test

import (
	"context"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/gss"
	"github.com/wssgate/wssgate/kerberos/keytab"
	"github.com/wssgate/wssgate/kerberos/krbtest"
	"github.com/wssgate/wssgate/replay"
)

func from(ctx context.Context, addr string) context.Context {
	return kerberos.WithRemoteAddr(ctx, netip.MustParseAddr(addr))
}

// However many tickets with forged versions come from one address, clients at
// others wait for the late file and are served; at the address itself (behind
// address translation) the last that came are.
func TestFileWaitsDespiteForgedTickets(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		flood  func(i int) string
		honest []string
	}{
		"one address": {func(int) string { return "192.0.2.1" },
			[]string{"192.0.2.2", "192.0.2.3", "192.0.2.3", "198.51.100.7", "2001:db8::1"}},
		"a network of IPv6": {func(i int) string {
			return netip.AddrFrom16([16]byte{0x20, 1, 0xd, 0xb8,
				15: byte(i)}).String()
		}, []string{"192.0.2.2", "2001:db8:0:1::1"}},
		"twenty addresses": {func(i int) string { return netip.AddrFrom4([4]byte{192, 0, 2, byte(i % 20)}).String() },
			[]string{"198.51.100.7", "198.51.100.8", "198.51.100.9"}},
		"that of honest clients": {func(int) string { return "192.0.2.1" }, []string{"192.0.2.1", "192.0.2.1"}},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRotation(t)
			synctest.Test(t, func(t *testing.T) {
				f := r.open(keytab.FileConfig{})
				old := f.Keytab()
				r.kdc.AddService(rotated) // the KDC has new keys, the file has not
				ctx, stop := context.WithCancel(t.Context())
				var all sync.WaitGroup
				var held atomic.Int32
				for i := range 1000 {
					all.Go(func() {
						held.Add(1)
						f.RefreshKeytab(from(ctx, tt.flood(i)), old, true)
						held.Add(-1)
					})
				}
				synctest.Wait()
				if n := held.Load(); n != 32 {
					t.Errorf("%d wait", n)
				}
				for _, addr := range tt.honest {
					all.Go(func() {
						if f.RefreshKeytab(from(ctx, addr), old, true) == nil {
							t.Errorf("a client at %s was not served", addr)
						}
					})
				}
				synctest.Wait()
				if n := held.Load(); n != int32(32-len(tt.honest)) {
					t.Errorf("%d forged tickets wait beside %d others", n, len(tt.honest))
				}
				time.Sleep(time.Second)
				r.deliver(r.entries())
				time.Sleep(2 * time.Second)
				stop()
				all.Wait()
			})
		})
	}
}

// A ticket whose version the KDC cannot have come to is refused at once, and
// takes no place.
func TestFileDoesNotWaitForImplausibleVersions(t *testing.T) {
	t.Parallel()
	r := newRotation(t)
	synctest.Test(t, func(t *testing.T) {
		f := r.open(keytab.FileConfig{})
		a, err := gss.NewAcceptor(gss.AcceptorConfig{Keytab: f,
			Replay: replay.NewMemory(replay.MemoryConfig{CompleteSince: time.Unix(0, 0)})})
		if err != nil {
			t.Fatal(err)
		}
		for kvno, want := range map[uint32]time.Duration{2: 2 * time.Second, 9: 2 * time.Second, 10: 0, 257: 0, 1 << 31: 0,
			1<<32 - 1: 0, 1: 0} {
			k := krbtest.New(krbtest.Config{})
			k.AddService(rotated)
			token, _, err := k.Token("mallory", rotated, krbtest.TokenOptions{Ticket: krbtest.TicketOptions{WrittenKvno: kvno}})
			if err != nil {
				t.Fatal(err)
			}
			start := time.Now()
			if _, err = a.Accept(t.Context(), token); err == nil || time.Since(start) != want {
				t.Errorf("kvno %d: %v after %v, want %v", kvno, err, time.Since(start), want)
			}
		}
	})
}
