package assembly

import (
	"crypto/tls"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"github.com/wssgate/wssgate/internal/backend"
	"github.com/wssgate/wssgate/internal/config"
	"github.com/wssgate/wssgate/internal/gateway"
)

// warnIfReadable warns of a file with keys or passwords that other users can
// read. It leaves out the credentials of a systemd unit, whose directory only
// the unit can read, whatever the mode of a file in it.
func warnIfReadable(path, what string, log *slog.Logger) {
	if dir := os.Getenv("CREDENTIALS_DIRECTORY"); dir != "" &&
		strings.HasPrefix(filepath.Clean(path), filepath.Clean(dir)+string(filepath.Separator)) {
		return
	}
	if info, err := os.Stat(path); err == nil && info.Mode().Perm()&0o077 != 0 {
		log.Warn("secret file can be read by others", "setting", what, "file", path, "mode", info.Mode().Perm().String(),
			"cure", "chmod 600 "+path)
	}
}

// loadCertificates loads the certificates of listener i. It returns nil if there
// are none.
func loadCertificates(cfg *config.Config, i int, log *slog.Logger) (all []tls.Certificate, err error) {
	l := &cfg.Listeners[i]
	if l.TLSCert == "" {
		return nil, nil
	}
	for j, c := range cfg.CertificatesOf(l) {
		certificate, err := tls.LoadX509KeyPair(c.TLSCert, c.TLSKey)
		if err != nil {
			setting := "tls-cert"
			if file := (*fs.PathError)(nil); errors.As(err, &file) && file.Path == c.TLSKey {
				setting = "tls-key"
			}
			return nil, cfg.RefuseCertificate(i, j, setting, err.Error(), "give a PEM certificate chain and its key")
		}
		warnIfReadable(c.TLSKey, "tls-key", log)
		warnOfUnboundCertificate(cfg, l, c.TLSCert, certificate.Leaf, log)
		all = append(all, certificate)
	}
	warnOfHostsWithoutCertificate(cfg, l, all, log)
	return all, nil
}

// loadTLS loads all that TLS of listener i needs. The certificates are nil if it
// has none.
func loadTLS(cfg *config.Config, i int, log *slog.Logger) ([]tls.Certificate, gateway.TLSRules, error) {
	all, err := loadCertificates(cfg, i, log)
	if err != nil || all == nil {
		return nil, gateway.TLSRules{}, err
	}
	rules, err := tlsRules(cfg, i)
	return all, rules, err
}

// tlsRules returns what listener i asks of its clients in TLS.
func tlsRules(cfg *config.Config, i int) (rules gateway.TLSRules, err error) {
	l := &cfg.Listeners[i]
	if l.TLSMinVersion == "1.3" {
		rules.MinVersion = tls.VersionTLS13
	}
	if !l.AsksClients() {
		return rules, nil
	}
	rules.RequireClient = l.TLSClientAuth == "require"
	if rules.ClientCAs, err = backend.Authorities(l.TLSClientCA); err != nil {
		return rules, cfg.RefuseListener(i, "tls-client-ca", err.Error(),
			"give a file with the PEM certificates of the authorities, and nothing else")
	}
	return rules, nil
}

// StatePath returns state-dir or its default, or "" if it has neither.
func StatePath(cfg *config.Config) string {
	dir := cfg.StateDir
	for _, d := range []struct{ variable, separator, below string }{
		{"STATE_DIRECTORY", ":", ""}, // set by systemd; the first, if the unit has several
		{"XDG_STATE_HOME", "\x00", "wssgate"},
		{"HOME", "\x00", filepath.Join(".local", "state", "wssgate")},
	} {
		value, _, _ := strings.Cut(os.Getenv(d.variable), d.separator)
		if dir == "" && value != "" {
			dir = filepath.Join(value, d.below)
		}
	}
	return dir
}

// stateDir returns StatePath. It creates the directory if it is missing, for
// the owner alone.
func stateDir(cfg *config.Config) (string, error) {
	dir := StatePath(cfg)
	cure := "give --state-dir, or --no-replay-journal to run without a journal"
	if dir == "" {
		return "", cfg.Refuse(-1, "state-dir",
			"is not given, and none of STATE_DIRECTORY, XDG_STATE_HOME and HOME is set", cure)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", cfg.Refuse(-1, "state-dir", err.Error(), cure)
	}
	return dir, nil
}
