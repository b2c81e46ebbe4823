package assembly

import (
	"fmt"
	"slices"

	"github.com/wssgate/wssgate/internal/admin"
	"github.com/wssgate/wssgate/kerberos/etype"
	"github.com/wssgate/wssgate/kerberos/keytab"
)

// fileOf returns the path of the file with the keys of route i, or "".
func (k *Keyring) fileOf(i int) string {
	c, err := k.of(i)
	if err != nil || c.file == nil {
		return ""
	}
	return c.file.Path()
}

// keyFiles returns the files with keys as they are now, for the operator.
func (k *Keyring) keyFiles() (list []admin.KeyFile) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, f := range k.files {
		status := f.Status()
		kf := admin.KeyFile{Path: f.Path(), Taken: status.Taken, Keys: newest(f.Keytab())}
		if status.Err != nil {
			kf.Failing = status.Err.Error()
		}
		list = append(list, kf)
	}
	return list
}

// newest returns the newest key of each principal and encryption type.
func newest(kt *keytab.Keytab) (list []admin.Key) {
	for _, e := range kt.Entries() {
		key := admin.Key{Principal: e.Principal.String(), Etype: etype.Name(e.Etype), Kvno: e.Kvno, Made: e.Timestamp}
		i := slices.IndexFunc(list, func(o admin.Key) bool { return o.Principal == key.Principal && o.Etype == key.Etype })
		switch {
		case i < 0:
			list = append(list, key)
		case list[i].Kvno < key.Kvno:
			list[i] = key
		}
	}
	return list
}

// unready returns why tickets are not accepted: files that have no keys any more.
func (k *Keyring) unready() (why []string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, f := range k.files {
		if len(f.Keytab().Principals()) == 0 {
			why = append(why, fmt.Sprintf("%s %s has no keys: export the keytab anew", f.what, f.Path()))
		}
	}
	return why
}
