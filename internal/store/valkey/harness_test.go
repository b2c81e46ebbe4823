package valkey_test

import (
	"log/slog"
	"testing"
	"time"

	"github.com/wssgate/wssgate/internal/store/redistest"
	"github.com/wssgate/wssgate/internal/store/storeurl"
	"github.com/wssgate/wssgate/internal/store/valkey"
)

// patient is a deadline that a loaded machine meets.
const patient = 20 * time.Second

// open opens a store with a deadline that a loaded machine meets, unless cfg has
// another, and waits until it works.
func open(t testing.TB, url string, cfg valkey.Config) *valkey.Server {
	t.Helper()
	s := begin(t, url, cfg)
	redistest.Until(t, url+" works", func() bool { return s.Outage() == nil })
	return s
}

// begin is open without waiting.
func begin(t testing.TB, url string, cfg valkey.Config) *valkey.Server {
	t.Helper()
	u, err := storeurl.Parse(url)
	if err != nil {
		t.Fatal(err)
	}
	cfg.URL = u
	if cfg.Timeout == 0 {
		cfg.Timeout = patient
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.NewTextHandler(t.Output(), nil))
	}
	s := valkey.Open(cfg)
	t.Cleanup(s.Close)
	return s
}
