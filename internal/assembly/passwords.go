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

// Cures of files that are named.
const (
	cureReadable  = "name a keytab file that this process can read"
	cureNewKeytab = "fetch a new keytab, and copy it in binary"
)

// KeytabProblem words why keytab.Load could not use a file, and the cure.
func KeytabProblem(path string, err error) (problem, cure string) {
	return fileProblem(path, err, cureReadable)
}

// fileProblem is KeytabProblem with a cure of its own for a file that cannot be
// read.
func fileProblem(path string, err error, unreadable string) (problem, cure string) {
	if format, ok := errors.AsType[*keytab.FormatError](err); ok {
		return path + ": " + format.Found, cmp.Or(format.Cure, cureNewKeytab)
	}
	return strings.TrimPrefix(err.Error(), "keytab: "), unreadable
}

// ServiceKeys reads the keys of a service as they are now.
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

// passwords makes a keytab of a file with the password of a service's account
// in its first line, and in others those that it had before, newest first.
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
				return nil, fmt.Errorf("line %d is empty; there is one password a line", i+1)
			}
			kvno := s.Kvno
			if kvno != 0 {
				if uint32(i) >= kvno {
					return nil, errors.New("has more lines than kvno says there were passwords")
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
		entries, err := keytab.FromPassword(keytab.PasswordConfig{Principal: p, Kvno: kvno, Salt: s.Salt, Iterations: s.Iterations,
			Etypes: allEtypes()}, password)
		if err != nil {
			return nil, err
		}
		all = append(all, entries...)
	}
	return all, nil
}
