package assembly

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/wssgate/wssgate/kerberos/krbtest"
)

// ecKey returns the PEM block of a new key for assertions.
func ecKey(t *testing.T) string {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

// An assertionWorld is a gateway whose backends keep the headers that they get.
type assertionWorld struct {
	*serviceWorld
	follow *followWorld
	mu     sync.Mutex
	got    []http.Header
}

func newAssertionWorld(t *testing.T, settings string) *assertionWorld {
	t.Helper()
	w := &assertionWorld{serviceWorld: newServiceWorld(t, service), follow: &followWorld{T: t}}
	w.put(ecKey(t))
	backend := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w.mu.Lock()
		w.got = append(w.got, r.Header.Clone())
		w.mu.Unlock()
		quote(rw, r)
	}))
	t.Cleanup(backend.Close)
	cfg := loadConfig(t, "keytab: "+w.keytab("svc.keytab", service)+"\nassertion-key: "+w.path()+
		"\nassertion-issuer: https://gw.example.com\nassertion-audience: [quotes]\nbackend: "+backend.URL+"\n"+settings)
	log := slog.New(slog.NewJSONHandler(io.MultiWriter(&w.log, &w.follow.out), nil))
	w.keys = NewKeyring(cfg, log)
	w.follow.keys = w.keys
	g, err := New(Config{Settings: cfg, Keys: w.keys, Replay: MemoryReplay(cfg), Log: log})
	if err != nil {
		t.Fatal(err)
	}
	w.gateway = g
	return w
}

func (w *assertionWorld) path() string { return filepath.Join(w.dir, "assertion.pem") }

func (w *assertionWorld) put(keys string) { w.follow.put(map[string]string{w.path(): keys}) }

// last returns the header that the backend got last, and removes it.
func (w *assertionWorld) last(t *testing.T) http.Header {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.got) != 1 {
		t.Fatalf("the backend got %d requests\n%s", len(w.got), w.log.String())
	}
	h := w.got[0]
	w.got = nil
	return h
}

// claims returns a part of an assertion, without verifying it.
func claims(t *testing.T, token string, n int) (object map[string]any) {
	t.Helper()
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		t.Fatalf("%q is no assertion", token)
	}
	octets, err := base64.RawURLEncoding.DecodeString(parts[n])
	if err == nil {
		err = json.Unmarshal(octets, &object)
	}
	if err != nil {
		t.Fatal(err)
	}
	return object
}

func TestBackendGetsAnAssertion(t *testing.T) {
	t.Parallel()
	w := newAssertionWorld(t, "assertion-header: X-Identity\n")
	if status := w.post("/", service, krbtest.TokenOptions{}); status != http.StatusOK {
		t.Fatalf("%d\n%s", status, w.log.String())
	}
	got := claims(t, w.last(t).Get("X-Identity"), 1)
	if got["sub"] != "alice@EXAMPLE.COM" || got["iss"] != "https://gw.example.com" || got["aud"] != "quotes" ||
		got["realm"] != "EXAMPLE.COM" || got["route"] != "/" {
		t.Errorf("%v", got)
	}
}

// Groups are read of the ticket's PAC for assertions alone, and can be left out.
func TestAssertionHasTheGroupsOfTheTicket(t *testing.T) {
	t.Parallel()
	o := krbtest.TokenOptions{Ticket: krbtest.TicketOptions{PAC: &krbtest.PACOptions{Logon: &krbtest.PACLogon{
		Name: "alice", DomainID: "S-1-5-21-1-2-3", UserID: 1000, PrimaryGroup: 513}}}}
	for settings, want := range map[string]string{"": "[S-1-5-21-1-2-3-513", "assertion-groups: false\n": "<nil>"} {
		w := newAssertionWorld(t, "assertion-header: X-Identity\n"+settings)
		if status := w.post("/", service, o); status != http.StatusOK {
			t.Fatalf("%d\n%s", status, w.log.String())
		}
		got := fmt.Sprint(claims(t, w.last(t).Get("X-Identity"), 1)["groups"])
		if !strings.HasPrefix(got, want) {
			t.Errorf("%q: groups %s, want %s", settings, got, want)
		}
	}
}

// The key file is exchanged while the gateway runs; a wrong one changes nothing.
func TestAssertionKeysFollowTheirFile(t *testing.T) {
	t.Parallel()
	w := newAssertionWorld(t, "assertion-header: Authorization\n")
	signedBy := func() any {
		t.Helper()
		if status := w.post("/", service, krbtest.TokenOptions{}); status != http.StatusOK {
			t.Fatalf("%d\n%s", status, w.log.String())
		}
		token, bearer := strings.CutPrefix(w.last(t).Get("Authorization"), "Bearer ")
		if !bearer {
			t.Errorf("Authorization: %s", token)
		}
		return claims(t, token, 0)["kid"]
	}
	first := signedBy()
	w.put(ecKey(t))
	w.follow.looked(1, "")
	w.follow.looked(1, `"file reloaded","setting":"assertion-key"`)
	second := signedBy()
	if second == first {
		t.Error("the old key signs")
	}
	w.put("no key")
	w.follow.looked(2, "file not reloaded; the last good one stays in use")
	if signedBy() != second {
		t.Error("another key signs")
	}
}

// A client cannot bring the header, in any spelling, on any route.
func TestClientCannotBringAnAssertion(t *testing.T) {
	t.Parallel()
	const routes = `
routes:
  - path: /signed
    assertion-header: X-Identity
  - path: /app
    standard: spnego-http
    assertion-header: X-Identity
  - path: /plain
    standard: spnego-http
    assertion-header: ""
`
	w := newAssertionWorld(t, routes)
	token := func() string {
		octets, _, err := w.kdc.Token("alice", service, krbtest.TokenOptions{})
		if err != nil {
			t.Fatal(err)
		}
		return base64.StdEncoding.EncodeToString(octets)
	}
	for path, want := range map[string]int{"/app": 1, "/plain": 0} {
		r := httptest.NewRequest(http.MethodGet, path, nil)
		r.Header.Set("Authorization", "Negotiate "+token())
		for _, name := range []string{"X-Identity", "x_identity", "X_Identity", "x-identity"} {
			r.Header[name] = []string{"forged"}
		}
		rec := httptest.NewRecorder()
		w.gateway.ServeHTTP(rec, r)
		if rec.Code != http.StatusOK {
			t.Fatalf("%s: %d\n%s", path, rec.Code, w.log.String())
		}
		found := 0
		for name, values := range w.last(t) {
			if !strings.Contains(strings.ToLower(strings.ReplaceAll(name, "_", "-")), "identity") {
				continue
			}
			if found += len(values); claims(t, values[0], 1)["route"] != path {
				t.Errorf("%s: %s: %v", path, name, values)
			}
		}
		if found != want {
			t.Errorf("%s: %d headers, want %d", path, found, want)
		}
	}
}
