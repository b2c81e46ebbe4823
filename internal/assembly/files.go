package assembly

import (
	"crypto/tls"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"github.com/wssgate/wssgate/internal/config"
)

// warnIfReadable warns of a secret's file that others can read: a keytab is
// then as good as a published password. It passes over the credentials of a
// systemd unit: the directory is the unit's alone, whatever the mode of a file
// in it says.
func warnIfReadable(path, what string, log *slog.Logger) {
	if dir := os.Getenv("CREDENTIALS_DIRECTORY"); dir != "" && strings.HasPrefix(filepath.Clean(path), filepath.Clean(dir)+string(filepath.Separator)) {
		return
	}
	if info, err := os.Stat(path); err == nil && info.Mode().Perm()&0o077 != 0 {
		log.Warn("secret file can be read by others", "setting", what, "file", path, "mode", info.Mode().Perm().String(), "cure", "chmod 600 "+path)
	}
}

// tlsConfig loads the listener's certificate; nil without one.
func tlsConfig(cfg *config.Config, log *slog.Logger) (*tls.Config, error) {
	if cfg.TLSCert == "" {
		return nil, nil
	}
	certificate, err := tls.LoadX509KeyPair(cfg.TLSCert, cfg.TLSKey)
	if err != nil {
		setting := "tls-cert"
		if file := (*fs.PathError)(nil); errors.As(err, &file) && file.Path == cfg.TLSKey {
			setting = "tls-key"
		}
		return nil, cfg.Refuse(-1, setting, err.Error(), "give a PEM certificate chain and its key")
	}
	warnIfReadable(cfg.TLSKey, "tls-key", log)
	warnOfUnboundCertificate(cfg, certificate.Leaf, log)
	return &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12}, nil
}

// StatePath returns state-dir or its default, "" without any.
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

// stateDir makes StatePath if it is missing, for the owner alone.
func stateDir(cfg *config.Config) (string, error) {
	dir := StatePath(cfg)
	cure := "give --state-dir, or --no-replay-journal to do without"
	if dir == "" {
		return "", cfg.Refuse(-1, "state-dir", "is not given, and there is neither STATE_DIRECTORY, XDG_STATE_HOME nor HOME", cure)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", cfg.Refuse(-1, "state-dir", err.Error(), cure)
	}
	return dir, nil
}
