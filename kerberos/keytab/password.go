package keytab

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/etype"
)

// A PasswordConfig configures [FromPassword].
type PasswordConfig struct {
	// Principal owns the keys. It needs a realm.
	Principal kerberos.Principal
	// Kvno is the keys' version. With 0 they fit tickets of any version.
	Kvno uint32
	// Salt is what the KDC mixes with the password; "" means
	// [kerberos.Principal.DefaultSalt]. Active Directory salts by the account's
	// name, not by the service's: "EXAMPLE.COMsvc-soap" for the user svc-soap,
	// "EXAMPLE.COMhostgw.example.com" for the computer GW$. RC4 has no salt.
	Salt string
	// Iterations is the count of PBKDF2. 0 means the default of the encryption
	// type, 4096 (RFC 3962) or 32768 (RFC 8009). Fewer than that and more than
	// 1<<20 are refused.
	Iterations uint32
	// Etypes are the encryption types; empty means 17 to 20.
	Etypes []int32
}

// FromPassword makes the keytab entries that ktutil's addent and ktpass make of
// a password (string-to-key of RFC 3962 4, RFC 8009 4 and RFC 4757 2). Only a
// ticket shows whether they are the KDC's keys: a wrong salt makes other keys.
// See [Keytab.KeyOf].
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
		etypes = etype.Supported(etype.AES256SHA1, etype.AES128SHA1, etype.AES256SHA2, etype.AES128SHA2)
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
