package doctor

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/wssgate/wssgate/internal/config"
	"github.com/wssgate/wssgate/internal/store/redistest"
)

// storeReport returns what doctor says of a store.
func storeReport(t *testing.T, url, settings string, ahead time.Duration) string {
	t.Helper()
	cfg, err := config.Parse("gate.yaml", []byte("keytab: x\nbackend: http://127.0.0.1:1\nstate-keys: x\nstore: "+url+"\n"+
		settings))
	if err != nil {
		t.Fatal(err)
	}
	d := &doctor{Config: Config{Settings: cfg, Timeout: 20 * time.Second,
		Now: func() time.Time { return time.Now().Add(ahead) }}}
	var text strings.Builder
	for _, r := range d.checkStores(t.Context()) {
		fmt.Fprintln(&text, r.Status, r.Found, r.Cure)
	}
	return text.String()
}

func TestDoctorChecksStores(t *testing.T) {
	t.Parallel()
	good := redistest.Start(t, "--appendonly", "yes", "--maxmemory", "100mb", "--maxmemory-policy", "noeviction")
	const roomy = "store-timeout: 10s\n"
	if text := storeReport(t, good.URL(), roomy, 0); strings.Contains(text, "fail") ||
		strings.Count(text, "warn") != 1 || !strings.Contains(text, "ok redis ") || !strings.Contains(text, "without TLS") {
		t.Errorf("a good store: %s", text)
	}
	bad := redistest.Start(t, "--maxmemory-policy", "allkeys-lru", "--requirepass", "secret")
	if text := storeReport(t, bad.URL(), roomy, 0); !strings.Contains(text, "fail") || !strings.Contains(text,
		"store-password-file") {
		t.Errorf("without the password: %s", text)
	}
	evicting := redistest.Start(t, "--maxmemory-policy", "allkeys-lru")
	for name, tt := range map[string]struct {
		url, settings string
		ahead         time.Duration
		words         []string
	}{
		"policy, persistence, memory": {evicting.URL(), roomy, 0, []string{"fail maxmemory-policy is allkeys-lru",
			"warn has no maxmemory", "warn keeps nothing on disk"}},
		"clock": {good.URL(), roomy, time.Minute, []string{"fail its clock differs from ours by 1m0s"}},
		"replicas": {good.URL(), roomy + "replay-durability: replicas\nstore-replicas: 2\n", 0,
			[]string{"fail has 0 replicas"}},
		"nothing there": {"redis://127.0.0.1:1", roomy, 0,
			[]string{"fail", "look at the address"}},
	} {
		text := storeReport(t, tt.url, tt.settings, tt.ahead)
		for _, word := range tt.words {
			if !strings.Contains(text, word) {
				t.Errorf("%s: no %q in %s", name, word, text)
			}
		}
	}
}
