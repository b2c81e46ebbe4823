package assembly

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/gss"
	"github.com/wssgate/wssgate/kerberos/kdc"
	"github.com/wssgate/wssgate/kerberos/keytab"
	"github.com/wssgate/wssgate/kerberos/krbtest"
	"github.com/wssgate/wssgate/replay"
	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/soap/xmltext"
	"github.com/wssgate/wssgate/wssec"
)

// A rotation is a gateway under load while an MIT KDC changes the service's
// keys.
type rotation struct {
	t       *testing.T
	mit     *krbtest.MIT
	keytab  string
	log     lineBuffer
	url     string
	client  *wssec.Processor
	stop    chan struct{}
	running sync.WaitGroup

	mu       sync.Mutex
	tickets  []kerberos.Credential // all that clients got so far
	sent     atomic.Int32
	noTicket atomic.Int32 // the KDC's database was locked
	failed   atomic.Int32
}

func newKeyRotation(t *testing.T) *rotation {
	t.Helper()
	r := &rotation{t: t, mit: krbtest.StartMIT(t), stop: make(chan struct{})}
	r.mit.AddUser("alice", "secret")
	r.mit.AddService(service)
	r.keytab = r.mit.KeytabFile(service)
	backend := httptest.NewServer(http.HandlerFunc(quote))
	t.Cleanup(backend.Close)
	cfg := loadConfig(t, "backend: "+backend.URL+"\nkeytab: "+r.keytab+"\nexact-kvno: true\n")
	log := slog.New(slog.NewJSONHandler(&r.log, nil))
	keys := NewKeyring(cfg, log)
	g, err := New(Config{cfg, keys, MemoryReplay(cfg), log, nil, nil})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(keys.Watch(t.Context()))
	server := httptest.NewServer(g)
	t.Cleanup(server.Close)
	policy, _ := wssec.Preset("Kerberos")
	if r.client, err = wssec.NewProcessor(policy,
		wssec.Config{Replay: replay.NewMemory(replay.MemoryConfig{})}); err != nil {
		t.Fatal(err)
	}
	r.url = server.URL + "/"
	return r
}

// freshClient logs in anew for each request, so that its ticket is of the KDC's
// newest key.
func (r *rotation) freshClient() {
	for !r.stopped() {
		alice, err := kdc.NewClient(kdc.ClientConfig{Client: "alice@" + r.mit.Realm,
			Password: "secret", Krb5Conf: r.mit.Krb5Conf()})
		if err != nil {
			r.t.Error(err)
			return
		}
		ticket, err := alice.ServiceTicket(context.Background(), service)
		alice.Close()
		if err != nil {
			r.noTicket.Add(1)
			time.Sleep(10 * time.Millisecond)
			continue
		}
		r.mu.Lock()
		r.tickets = append(r.tickets, ticket)
		r.mu.Unlock()
		r.request(ticket)
	}
}

// oldClient uses tickets that clients have had for a while.
func (r *rotation) oldClient(first kerberos.Credential) {
	for n := 0; !r.stopped(); n++ {
		ticket := first
		if n%2 == 1 {
			r.mu.Lock()
			ticket = r.tickets[rand.IntN(len(r.tickets))]
			r.mu.Unlock()
		}
		r.request(ticket)
		time.Sleep(5 * time.Millisecond)
	}
}

func (r *rotation) stopped() bool {
	select {
	case <-r.stop:
		return true
	default:
		return false
	}
}

// request makes one, and verifies the reply.
func (r *rotation) request(ticket kerberos.Credential) {
	r.sent.Add(1)
	if err := r.exchange(ticket); err != nil {
		r.failed.Add(1)
		r.t.Error(err)
	}
}

func (r *rotation) exchange(ticket kerberos.Credential) error {
	token, key, err := gss.NewToken(ticket, gss.TokenOptions{})
	if err != nil {
		return err
	}
	env, err := soap.Parse([]byte(question), xmltext.Options{})
	if err != nil {
		return err
	}
	wire, sent, err := r.client.ProtectRequest(nil, env,
		wssec.OutgoingToken{Token: token, Key: wssec.NewKey(key.ExposeKeyOctets())})
	if err != nil {
		return err
	}
	resp, err := http.Post(r.url, env.Version.ContentType(), bytes.NewReader(wire))
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	reply, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		return fmt.Errorf("HTTP %d: %v %s", resp.StatusCode, err, reply)
	}
	if env, err = soap.Parse(reply, xmltext.Options{}); err != nil {
		return err
	}
	_, err = r.client.VerifyReply(context.Background(), env, sent, wssec.Channel{})
	return err
}

// ktadd makes new keys and a new file with them alone, which is renamed into
// place.
func (r *rotation) ktadd() error {
	next := filepath.Join(filepath.Dir(r.keytab), "next")
	r.mit.Admin(`ktadd -k "` + next + `" ` + service)
	return os.Rename(next, r.keytab)
}

// keepOld has the KDC keep the old keys, and exports the new ones after.
func (r *rotation) keepOld() error {
	next := filepath.Join(filepath.Dir(r.keytab), "next")
	r.mit.Admin("cpw -randkey -keepold " + service)
	r.mit.Admin(`ktadd -norandkey -k "` + next + `" ` + service)
	return os.Rename(next, r.keytab)
}

// addToCopy adds new keys to a copy of the file.
func (r *rotation) addToCopy() error {
	octets, err := os.ReadFile(r.keytab)
	next := filepath.Join(filepath.Dir(r.keytab), "next")
	if err = errors.Join(err, os.WriteFile(next, octets, 0o600)); err != nil {
		return err
	}
	r.mit.Admin(`ktadd -k "` + next + `" ` + service)
	return os.Rename(next, r.keytab)
}

// fileFirst makes the keys of a password before the KDC knows it, as
// docs/operations.md has it.
func (r *rotation) fileFirst() error {
	keytab, err := keytab.Load(r.keytab)
	if err != nil {
		return err
	}
	kvno := uint32(0)
	for _, e := range keytab.Entries() {
		kvno = max(kvno, e.Kvno)
	}
	var script strings.Builder
	fmt.Fprintf(&script, "rkt %q\n", r.keytab)
	for _, etype := range []string{"aes256-cts-hmac-sha1-96", "aes128-cts-hmac-sha1-96"} {
		fmt.Fprintf(&script, "addent -password -p %s@%s -k %d -e %s\nchosen before\n", service, r.mit.Realm, kvno+1, etype)
	}
	next := filepath.Join(filepath.Dir(r.keytab), "next")
	fmt.Fprintf(&script, "wkt %q\nquit\n", next)
	ktutil := exec.Command("/usr/bin/ktutil")
	ktutil.Env, ktutil.Stdin = r.mit.Env(), strings.NewReader(script.String())
	if out, err := ktutil.CombinedOutput(); err != nil {
		return fmt.Errorf("ktutil: %w\n%s", err, out)
	}
	if err := os.Rename(next, r.keytab); err != nil {
		return err
	}
	r.mit.Admin(`cpw -pw "chosen before" ` + service)
	return nil
}

// inPlace adds new keys to the file itself, as ktadd does when it is told to.
func (r *rotation) inPlace() error {
	r.mit.Admin(`ktadd -k "` + r.keytab + `" ` + service)
	return nil
}

// awaitTickets waits until tickets of a key version were accepted, a good
// number of them.
func (r *rotation) awaitTickets(kvno int) {
	r.t.Helper()
	for range 600 {
		if strings.Count(r.log.String(), fmt.Sprintf(`"kvno":%d,"keytab_kvno":%d,`, kvno, kvno)) >= 20 {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	r.t.Errorf("few tickets of kvno %d were accepted", kvno)
}

// Five changes of the service's keys at a live KDC, in the ways that
// administrators have, while clients get new tickets all the time and others go
// on with old ones: no request fails, and none of the changes needs a restart.
func TestKeyringChangesKeysUnderLoad(t *testing.T) {
	r := newKeyRotation(t)
	alice, err := kdc.NewClient(kdc.ClientConfig{Client: "alice@" + r.mit.Realm,
		Password: "secret", Krb5Conf: r.mit.Krb5Conf()})
	if err != nil {
		t.Fatal(err)
	}
	defer alice.Close()
	first, err := alice.ServiceTicket(t.Context(), service)
	if err != nil {
		t.Fatal(err)
	}
	r.tickets = append(r.tickets, first)
	for range 4 {
		r.running.Go(r.freshClient)
		r.running.Go(func() { r.oldClient(first) })
	}
	for i, rotate := range []func() error{r.ktadd, r.keepOld, r.addToCopy, r.fileFirst, r.inPlace} {
		r.awaitTickets(i + 1)
		if err := rotate(); err != nil {
			t.Fatalf("change %d: %v", i+1, err)
		}
	}
	r.awaitTickets(6)
	close(r.stop)
	r.running.Wait()

	log := r.log.String()
	t.Logf("%d requests, %d failed; tickets refused by the KDC meanwhile: %d; noticed by watch %d, by a ticket %d",
		r.sent.Load(), r.failed.Load(),
		r.noTicket.Load(), strings.Count(log, `"cause":"watch"`), strings.Count(log, `"cause":"ticket"`))
	if codes := r.log.codes(); len(codes) != 1 || codes["ok"] != int(r.sent.Load()) {
		t.Errorf("codes %v of %d requests", codes, r.sent.Load())
	}
	for kvno := 1; kvno < 6; kvno++ {
		if !strings.Contains(log, fmt.Sprintf(`"msg":"keys reloaded","setting":"keytab","file":"%s"`, r.keytab)) ||
			!strings.Contains(log, fmt.Sprintf("is now %d", kvno+1)) {
			t.Errorf("the change to kvno %d is not in the log", kvno+1)
		}
	}
	if strings.Contains(log, `"level":"ERROR"`) {
		t.Error("errors in the log")
	}
	if err := r.exchange(first); err != nil {
		t.Errorf("the oldest ticket at the end: %v", err)
	}
}
