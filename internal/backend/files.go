package backend

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// TLSFiles are what a client of https backends reads from files. Zero values
// mean what the fields document.
type TLSFiles struct {
	// CA has the PEM certificates of the authorities that backends are trusted by,
	// and no others. Empty means those of the system.
	CA string
	// Certificate and Key are the PEM certificate chain and private key that a
	// backend gets if it asks for them. Empty means none.
	Certificate, Key string
	// ServerName is what the certificates of backends have to be for. Empty means
	// the host that is called.
	ServerName string
}

// A FileError is a file of [TLSFiles] that is of no use.
type FileError struct {
	Path string
	Err  error
}

// Error returns path and reason.
func (e *FileError) Error() string { return e.Path + ": " + e.Err.Error() }

// Unwrap returns the reason.
func (e *FileError) Unwrap() error { return e.Err }

// Load reads the files. Its Certificates have the client's certificate with its
// Leaf, if there is one. An error about a file is a [FileError].
func (f TLSFiles) Load() (*tls.Config, error) {
	c := &tls.Config{ServerName: f.ServerName}
	if f.CA != "" {
		var err error
		if c.RootCAs, err = Authorities(f.CA); err != nil {
			return nil, fileError(f.CA, err)
		}
	}
	if f.Certificate == "" {
		return c, nil
	}
	pair, err := tls.LoadX509KeyPair(f.Certificate, f.Key)
	if err != nil {
		return nil, fileError(f.Certificate, err)
	}
	c.Certificates = []tls.Certificate{pair}
	// Whatever authorities the backend names: it has the last word.
	c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &pair, nil }
	return c, nil
}

// fileError returns the error of a file: path, if err does not name another one.
func fileError(path string, err error) error {
	var e *fs.PathError
	if errors.As(err, &e) {
		return &FileError{Path: e.Path, Err: e.Err}
	}
	return &FileError{Path: path, Err: err}
}

// Authorities reads the PEM certificates of a file. It fails if there is none, or
// anything else.
func Authorities(path string) (*x509.CertPool, error) {
	octets, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	pool, n := x509.NewCertPool(), 0
	for block, rest := pem.Decode(octets); block != nil; block, rest = pem.Decode(rest) {
		n++
		if block.Type != "CERTIFICATE" {
			return nil, fmt.Errorf("its PEM block %d is a %s, not a CERTIFICATE", n, block.Type)
		}
		certificate, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("its certificate %d: %w", n, err)
		}
		pool.AddCert(certificate)
	}
	if n == 0 {
		return nil, errors.New("holds no PEM certificate")
	}
	return pool, nil
}
