package assembly

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/wssgate/wssgate/internal/config"
	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/keytab"
)

// Cures for files that settings name.
const (
	cureReadable  = "name a keytab file that this process can read"
	cureNewKeytab = "export the keytab anew, and copy it in binary mode"
)

// KeytabProblem returns why [keytab.Load] failed to read a file, and the cure.
func KeytabProblem(path string, err error) (problem, cure string) {
	return fileProblem(path, err, cureReadable)
}

// fileProblem is [KeytabProblem] with the cure for an unreadable file as an
// argument.
func fileProblem(path string, err error, unreadable string) (problem, cure string) {
	if format, ok := errors.AsType[*keytab.FormatError](err); ok {
		return path + ": " + format.Found, cmp.Or(format.Cure, cureNewKeytab)
	}
	return strings.TrimPrefix(err.Error(), "keytab: "), unreadable
}

// ServiceKeys returns the present keys of a service. It reads the keytab, or
// makes the keys from the passwords.
func ServiceKeys(s config.Service) (*keytab.Keytab, error) {
	if s.PasswordFile == "" {
		return keytab.Load(s.Keytab)
	}
	f, err := os.Open(s.PasswordFile)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	octets, err := io.ReadAll(io.LimitReader(f, 64<<10))
	if err != nil {
		return nil, err
	}
	return passwords(s)(octets)
}

// passwords returns a function that makes a keytab of the lines of a file: the
// password of a service's account, then its earlier passwords, newest first.
func passwords(s config.Service) func([]byte) (*keytab.Keytab, error) {
	return func(octets []byte) (*keytab.Keytab, error) {
		lines := bytes.Split(bytes.TrimRight(octets, "\r\n"), []byte("\n"))
		if len(lines) > maxPasswords {
			return nil, fmt.Errorf("more than %d lines", maxPasswords)
		}
		var all []keytab.Entry
		for i, line := range lines {
			password := string(bytes.TrimSuffix(line, []byte("\r")))
			if password == "" {
				return nil, fmt.Errorf("line %d is empty; write one password a line", i+1)
			}
			kvno := s.Kvno
			if kvno != 0 {
				if uint32(i) >= kvno {
					return nil, errors.New("has more lines than there were versions by kvno")
				}
				kvno -= uint32(i)
			}
			entries, err := passwordKeys(s, password, kvno)
			if err != nil {
				return nil, fmt.Errorf("line %d: %w", i+1, err)
			}
			all = append(all, entries...)
		}
		return keytab.New(all...), nil
	}
}

// maxPasswords bounds the work of making keys, some 50 ms for each principal
// and password.
const maxPasswords = 8

func passwordKeys(s config.Service, password string, kvno uint32) (all []keytab.Entry, err error) {
	for _, text := range s.Principals {
		p, err := kerberos.ParsePrincipal(text)
		if err != nil {
			return nil, err
		}
		entries, err := keytab.FromPassword(keytab.PasswordConfig{
			Principal: p, Kvno: kvno, Salt: s.Salt, Iterations: s.Iterations, Etypes: allEtypes(),
		}, password)
		if err != nil {
			return nil, err
		}
		all = append(all, entries...)
	}
	return all, nil
}
