package doctor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/wssgate/wssgate/internal/config"
	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/etype"
	"github.com/wssgate/wssgate/kerberos/keytab"
)

// Cures of more than one finding.
const (
	cureExport = "fetch a new keytab: on an MIT KDC kadmin.local -q 'ktadd -norandkey -k FILE PRINCIPAL', on " +
		"Windows ktpass, for FreeIPA ipa-getkeytab; " +
		"keep the old keys in the file for the life of a ticket"
	cureRC4 = "Windows domain controllers issue no RC4 tickets by default since the updates of 2026 (KB5073381, " +
		"CVE-2026-20833; enforced from July 2026). " +
		"Give the account AES keys: msDS-SupportedEncryptionTypes 24, then change its password, then ktpass with " +
		"/crypto AES256-SHA1; on an MIT KDC cpw -randkey; " +
		"fetch a new keytab"
)

// checkKeytabs checks the files, the principals that routes use, and keys that
// these share.
func (d *doctor) checkKeytabs(context.Context) (list []Result) {
	for _, f := range d.keytabs {
		list = append(list, f.check()...)
	}
	for _, s := range d.services {
		list = append(list, s.checkKeys()...)
	}
	return append(list, d.checkSharedKeys()...)
}

// check checks the file itself.
func (f *keytabFile) check() []Result {
	var format *keytab.FormatError
	switch {
	case errors.As(f.err, &format):
		return []Result{fail(f.path, format.Found, cmp.Or(format.Cure, cureExport))}
	case f.err != nil:
		return []Result{fail(f.path, strings.TrimPrefix(strings.TrimPrefix(f.err.Error(), "keytab: "), f.path+": "),
			f.cure(cureOfFile(f.err)))}
	}
	n := len(f.keytab.Entries())
	if n == 0 {
		return []Result{fail(f.path, "holds no keys", cureExport)}
	}
	list := []Result{}
	if r, bad := checkSecretFile(f.path, "whoever reads it can read and forge the messages of its services"); bad {
		list = append(list, r)
	} else if f.password {
		list = append(list, ok(f.path, "a password of %s, readable by %s alone",
			plural(len(f.keytab.Principals()), "principal"), owner(f.path)))
	} else {
		list = append(list, ok(f.path, "%s of %s, readable by %s alone", plural(n, "key"),
			plural(len(f.keytab.Principals()), "principal"), owner(f.path)))
	}
	return append(list, f.checkNames()...)
}

// kind returns the source of the keys.
func (f *keytabFile) kind() string {
	if f.password {
		return "password"
	}
	return "keytab"
}

// cure returns the cure for a keytab, or the one for a password in its place.
func (f *keytabFile) cure(ofKeytab string) string {
	if f.password && ofKeytab == cureExport {
		return "write the account's password into the first line of the file"
	}
	return ofKeytab
}

func cureOfFile(err error) string {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "write the right path in the configuration, or put the file there"
	case errors.Is(err, fs.ErrPermission):
		return "let the user that runs wssgate read it (chown), and no other; run doctor as that user"
	}
	return cureExport
}

// checkSecretFile checks the permissions of a file. It leaves out the
// credentials of a systemd unit, which are in a directory of the unit's own.
func checkSecretFile(path, why string) (r Result, bad bool) {
	if dir := os.Getenv("CREDENTIALS_DIRECTORY"); dir != "" &&
		strings.HasPrefix(filepath.Clean(path), filepath.Clean(dir)+string(filepath.Separator)) {
		return r, false
	}
	info, err := os.Stat(path)
	if err != nil {
		return r, false
	}
	mode := info.Mode().Perm()
	switch {
	case mode&0o022 != 0:
		return fail(path, "can be written by others ("+mode.String()+"): "+why, "chmod 600 "+path), true
	case mode&0o004 != 0:
		return fail(path, "can be read by everybody ("+mode.String()+"): "+why, "chmod 600 "+path), true
	case mode&0o040 != 0:
		return warn(path, "can be read by its group ("+mode.String()+"): "+why,
			"chmod 600 "+path+", unless the group is wssgate's alone"), true
	}
	return r, false
}

// owner returns the words for the owner of a file, with the user's number if
// that is not the user that runs doctor. It may be the user that runs wssgate.
func owner(path string) string {
	info, err := os.Stat(path)
	if err != nil {
		return "its owner"
	}
	if uid, known := ownerOf(info); known && uid != os.Geteuid() {
		return "its owner, user " + strconv.Itoa(uid) + ","
	}
	return "its owner"
}

// checkNames finds principals that differ only by case, or by realm.
func (f *keytabFile) checkNames() (list []Result) {
	byFolded := map[string]kerberos.Principal{}
	realms := []string{}
	for _, p := range f.keytab.Principals() {
		folded := strings.ToLower(p.String())
		if q, there := byFolded[folded]; there {
			list = append(list, warn(f.path,
				fmt.Sprintf("%s and %s differ only by case: Kerberos compares it, Windows does not", q, p),
				"keep the one that clients ask for, as the KDC writes it"))
		}
		byFolded[folded] = p
		if !slices.Contains(realms, p.Realm) {
			realms = append(realms, p.Realm)
		}
	}
	if len(realms) > 1 {
		list = append(list, ok(f.path, "holds principals of several realms: %s", strings.Join(realms, ", ")))
	}
	return list
}

// checkKeys checks the keys of one service.
func (s *service) checkKeys() []Result {
	if s.file.keytab == nil || len(s.file.keytab.Entries()) == 0 {
		return nil // reported of the file
	}
	entries := s.file.entries(s.Principal)
	if len(entries) == 0 {
		return []Result{s.missing()}
	}
	list := s.checkEtypes(entries)
	if entries[0].Kvno == 0 && !s.file.password {
		list = append(list, warn(s.String(), "the keytab does not say the versions of its keys (kvno 0), so any is tried",
			"export the keytab with a tool that writes kvno"))
	}
	return append(list, s.checkDuplicates(entries)...)
}

// missing returns the result for a service that is not in the keytab, with the
// principal that is most like it.
func (s *service) missing() Result {
	cure := "export a keytab with it, or write one of these in service: " + joinSome(s.file.keytab.Principals())
	for _, p := range s.file.keytab.Principals() {
		switch {
		case strings.EqualFold(p.String(), s.String()):
			cure = fmt.Sprintf("%s is there, which differs only by case: write service: %s if clients ask for that", p, p)
		case p.Name() == s.Name():
			cure = fmt.Sprintf("%s is there, in another realm: write service: %s if that is meant", p, p)
		case strings.EqualFold(p.Name(), s.Name()):
			cure = fmt.Sprintf("%s is there, which differs by realm or case: write service: %s if that is meant", p, p)
		default:
			continue
		}
		break
	}
	return fail(s.String(), fmt.Sprintf("route %s takes tickets for it, and keytab %s has no key of it", s.paths(),
		s.file.path), cure)
}

func joinSome(principals []kerberos.Principal) string {
	var b strings.Builder
	for i, p := range principals {
		if i == 5 {
			fmt.Fprintf(&b, ", … %d more", len(principals)-i)
			break
		}
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(p.String())
	}
	return b.String()
}

// checkEtypes checks the encryption types, those of the newest version first of
// all: the KDC issues no others.
func (s *service) checkEtypes(entries []keytab.Entry) []Result {
	have := describe(entries)
	newest := slices.DeleteFunc(slices.Clone(entries), func(e keytab.Entry) bool { return e.Kvno != entries[0].Kvno })
	aes := slices.ContainsFunc(newest, func(e keytab.Entry) bool { return isAES(e.Etype) })
	rc4 := slices.ContainsFunc(newest, func(e keytab.Entry) bool { return e.Etype == etype.RC4 })
	var list []Result
	switch {
	case aes && slices.ContainsFunc(s.routes, func(r *config.Route) bool { return r.AllowRC4 }):
		list = append(list, warn(s.String(), have+": has AES keys, and route "+s.paths()+" takes RC4 too (allow-rc4)",
			"remove allow-rc4: with AES keys the KDC needs none, and Windows domain controllers issue none by default "+
				"since 2026 (KB5073381, CVE-2026-20833)"))
	case aes:
		list = append(list, ok(s.String(), "%s", have))
	case rc4 && s.allowsRC4():
		list = append(list, warn(s.String(), have+": nothing but RC4, which is broken", cureRC4))
	case rc4:
		list = append(list, fail(s.String(),
			have+": nothing but RC4, which is broken and which route "+s.paths()+" does not allow", cureRC4))
	default:
		list = append(list, fail(s.String(), have+": none that wssgate can use", "give the account AES keys; "+cureExport))
	}
	if old := slices.DeleteFunc(etypesOf(newest), func(e int32) bool { return !obsolete(e) }); len(old) > 0 {
		list = append(list, warn(s.String(), "the keytab has keys of DES, which no KDC should have: "+etypeNames(old),
			"remove them from the account, then export the keytab anew"))
	}
	return list
}

func isAES(et int32) bool {
	return et >= etype.AES128SHA1 && et <= etype.AES256SHA2
}

// obsolete are single and triple DES (RFC 6649, RFC 8429).
func obsolete(etype int32) bool { return etype >= 1 && etype <= 3 || etype == 5 || etype == 16 }

// checkDuplicates finds two keys where there can be only one.
func (s *service) checkDuplicates(entries []keytab.Entry) (list []Result) {
	for i, e := range entries {
		for _, other := range entries[:min(i, maxDescribed)] {
			if e.Kvno != 0 && e.Kvno == other.Kvno && e.Etype == other.Etype && !e.Key.IsZero() && !e.Key.Equal(other.Key) {
				list = append(list, warn(s.String(),
					fmt.Sprintf("the keytab has two different keys of kvno %d and type %s", e.Kvno, etypeName(e.Etype)),
					"the account was made anew, or the keytab joined from two: remove it and export it anew"))
			}
		}
	}
	return list
}

// maxDescribed limits how many keys a line lists.
const maxDescribed = 24

// describe returns "kvno 3 (18 17), kvno 2 (18)" with the numbers of the types.
func describe(entries []keytab.Entry) string {
	var b strings.Builder
	for i, e := range entries {
		if i == maxDescribed {
			return fmt.Sprintf("%s), … %d more", &b, len(entries)-i)
		}
		switch {
		case i > 0 && entries[i-1].Kvno == e.Kvno:
			b.WriteString(" ")
		case i > 0:
			b.WriteString("), ")
			fallthrough
		default:
			fmt.Fprintf(&b, "kvno %d (", e.Kvno)
		}
		fmt.Fprint(&b, e.Etype)
	}
	return b.String() + ")"
}

func etypesOf(entries []keytab.Entry) (list []int32) {
	for _, e := range entries {
		if !slices.Contains(list, e.Etype) {
			list = append(list, e.Etype)
		}
	}
	return list
}

// checkSharedKeys finds services of different routes that have a key in common,
// so that a ticket for one opens as one for the other.
func (d *doctor) checkSharedKeys() (list []Result) {
	for i, s := range d.services {
		for _, t := range d.services[:i] {
			if s.String() == t.String() || !sameKey(s.file.entries(s.Principal), t.file.entries(t.Principal)) {
				continue
			}
			list = append(list, warn(s.String(),
				"has the same key as "+t.String()+": whoever has a ticket for one can present it as one for the other",
				"fine if the routes "+t.paths()+" and "+s.paths()+
					" trust the same clients; else give the two accounts of their own"))
		}
	}
	return list
}

// sameKey reports whether two principals have a key in common: they are names
// of one account.
func sameKey(a, b []keytab.Entry) bool {
	return slices.ContainsFunc(a, func(x keytab.Entry) bool {
		return slices.ContainsFunc(b, func(y keytab.Entry) bool { return !x.Key.IsZero() && x.Key.Equal(y.Key) })
	})
}
