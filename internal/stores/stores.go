package stores

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/wssgate/wssgate/internal/config"
	"github.com/wssgate/wssgate/internal/store/storeurl"
	"github.com/wssgate/wssgate/internal/store/valkey"
)

// Stores are the stores of a configuration. They are safe for concurrent use.
type Stores struct{ servers map[string]*valkey.Server }

// ContextBytes is the memory for one security context, on average.
const ContextBytes = 1 << 10

// Open opens the stores of all routes. It does not wait for their servers. The
// error is a *config.Error, about a file. The caller must call Close.
func Open(cfg *config.Config, log *slog.Logger) (*Stores, error) {
	s := &Stores{servers: map[string]*valkey.Server{}}
	urls := cfg.Stores()
	for _, url := range urls {
		vc, err := ConfigOf(cfg, url)
		if err != nil {
			s.Close()
			return nil, err
		}
		vc.Log, vc.CacheBytes = log, max(cfg.MaxContexts*ContextBytes/len(urls), 1<<20)
		s.servers[url] = valkey.Open(vc)
	}
	return s, nil
}

// Check reads the files of all stores, as [Open] does, and opens none. The error is
// a *config.Error.
func Check(cfg *config.Config) error {
	for _, url := range cfg.Stores() {
		if _, err := ConfigOf(cfg, url); err != nil {
			return err
		}
	}
	return nil
}

// ConfigOf returns the configuration of the server of a store.
func ConfigOf(cfg *config.Config, url string) (c valkey.Config, err error) {
	if c.URL, err = storeurl.Parse(url); err != nil {
		return c, cfg.Refuse(-1, "store", err.Error(), "")
	}
	c.Prefix, c.Timeout, c.Replicas = cfg.StorePrefix, cfg.StoreTimeout, cfg.Replicas()
	if c.Password, err = password(cfg, "store-password-file", cfg.StorePasswordFile); err != nil {
		return c, err
	}
	c.SentinelPassword, err = password(cfg, "store-sentinel-password-file", cfg.StoreSentinelPasswordFile)
	if err == nil && c.URL.TLS {
		c.TLS, err = tlsOf(cfg)
	}
	return c, err
}

// password returns the first line of a file.
func password(cfg *config.Config, setting, path string) (string, error) {
	if path == "" {
		return "", nil
	}
	f, err := os.Open(path)
	if err != nil {
		return "", cfg.Refuse(-1, setting, err.Error(), "name a file that this process can read")
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, 4<<10))
	line, _, _ := strings.Cut(string(text), "\n")
	if line = strings.TrimSuffix(line, "\r"); err != nil || line == "" {
		return "", cfg.Refuse(-1, setting, path+" has no password in its first line", "write it there")
	}
	return line, nil
}

// tlsOf returns how connections with TLS are made.
func tlsOf(cfg *config.Config) (*tls.Config, error) {
	c := &tls.Config{MinVersion: tls.VersionTLS12}
	if cfg.StoreCA != "" {
		pem, err := os.ReadFile(cfg.StoreCA)
		if err != nil {
			return nil, cfg.Refuse(-1, "store-ca", err.Error(), "name a file that this process can read")
		}
		if c.RootCAs = x509.NewCertPool(); !c.RootCAs.AppendCertsFromPEM(pem) {
			return nil, cfg.Refuse(-1, "store-ca", cfg.StoreCA+" has no certificate", "write PEM certificates into it")
		}
	}
	if cfg.StoreCert != "" {
		own, err := tls.LoadX509KeyPair(cfg.StoreCert, cfg.StoreKey)
		if err != nil {
			return nil, cfg.Refuse(-1, "store-cert", err.Error(), "name PEM files of a certificate and its key")
		}
		c.Certificates = []tls.Certificate{own}
	}
	return c, nil
}

// Of returns the server of a route's store, nil for one without.
func (s *Stores) Of(r *config.Route) *valkey.Server {
	if s == nil || r.Shadow {
		return nil
	}
	return s.servers[r.Store]
}

// Any returns one of the servers, nil without any.
func (s *Stores) Any() *valkey.Server {
	if s != nil {
		for _, server := range s.servers {
			return server
		}
	}
	return nil
}

// Outages returns what is wrong with the stores, in words.
func (s *Stores) Outages() (list []string) {
	if s == nil {
		return nil
	}
	for url, server := range s.servers {
		if err := server.Outage(); err != nil {
			u, _ := storeurl.Parse(url)
			list = append(list, fmt.Sprintf("store %v: %v", u, err))
		}
	}
	return list
}

// Wait waits until each store was asked once, whatever became of it, for at most 5
// seconds and until ctx is done. A gateway that serves before refuses its first
// requests.
func (s *Stores) Wait(ctx context.Context) {
	if s == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	for _, server := range s.servers {
		select {
		case <-server.Asked():
		case <-ctx.Done():
		}
	}
}

// Close ends the connections.
func (s *Stores) Close() {
	if s == nil {
		return
	}
	for _, server := range s.servers {
		server.Close()
	}
}
