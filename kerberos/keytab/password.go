package keytab

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/etype"
)

// A PasswordConfig says for whom and how keys are made of a password.
type PasswordConfig struct {
	// Principal is whose keys they are, with realm.
	Principal kerberos.Principal
	// Kvno is the keys' version. 0 leaves it open: they fit tickets of any version.
	Kvno uint32
	// Salt is what the KDC mixes with the password; "" means kerberos.Principal.DefaultSalt. Active Directory salts by the
	// account's name, not by the service's: "EXAMPLE.COMsvc-soap" for the user svc-soap, "EXAMPLE.COMhostgw.example.com"
	// for the computer GW$. RC4 has none.
	Salt string
	// Iterations is the count of PBKDF2. 0 means the default of the encryption type, 4096 (RFC 3962) or 32768 (RFC 8009).
	// Fewer, and more than 1<<20, are refused.
	Iterations uint32
	// Etypes are the encryption types; empty means 17 to 20.
	Etypes []int32
}

// FromPassword makes the keytab entries that ktutil's addent and ktpass make of a password (string-to-key of RFC 3962
// 4, RFC 8009 4 and RFC 4757 2). Whether they are the KDC's keys only a ticket tells: with a wrong salt they are
// others.
func FromPassword(cfg PasswordConfig, password string) ([]Entry, error) {
	switch {
	case password == "":
		return nil, errors.New("kerberos: empty password")
	case cfg.Principal.Realm == "" || len(cfg.Principal.Components) == 0:
		return nil, fmt.Errorf("kerberos: password for %q, which is not name@REALM", cfg.Principal)
	}
	salt := cfg.Salt
	if salt == "" {
		salt = cfg.Principal.DefaultSalt()
	}
	var params []byte
	if cfg.Iterations != 0 {
		params = binary.BigEndian.AppendUint32(nil, cfg.Iterations)
	}
	etypes := cfg.Etypes
	if len(etypes) == 0 {
		etypes = []int32{etype.AES256SHA1, etype.AES128SHA1, etype.AES256SHA2, etype.AES128SHA2}
	}
	var entries []Entry
	for _, e := range etypes {
		key, err := etype.StringToKey(e, password, salt, params)
		if err != nil {
			return nil, fmt.Errorf("kerberos: key of %s: %w", cfg.Principal, err)
		}
		entries = append(entries, Entry{Principal: cfg.Principal, Kvno: cfg.Kvno, Etype: e, Key: key})
	}
	return entries, nil
}
