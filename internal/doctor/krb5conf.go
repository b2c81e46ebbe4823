package doctor

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/wssgate/wssgate/kerberos/krb5conf"
)

// A krb5Conf holds the settings of the files of a krb5.conf.
type krb5Conf struct {
	*krb5conf.Config
	text        string
	names       []string // of the files as they were given
	read        []string // those of them that were read
	files       []string // read and the files that they include
	absent      []string
	forbidden   []string // that this user may not read
	err         error    // for which libkrb5 refuses all files
	unsupported error    // what libkrb5 may accept, and package krb5conf does not
}

// readKrb5Conf reads the files of a list in the form of KRB5_CONFIG. Files that
// cannot be read do not affect the others.
func readKrb5Conf(list string) krb5Conf {
	k := krb5Conf{Config: new(krb5conf.Config), names: filepath.SplitList(cmp.Or(list, DefaultKrb5Conf))}
	for _, name := range k.names {
		text, files, err := krb5conf.ReadFiles(name)
		switch {
		case err == nil:
			k.read = append(k.read, name)
			k.files = append(k.files, files...)
			k.text += text
		case errors.Is(err, fs.ErrNotExist):
			k.absent = append(k.absent, name)
		case errors.Is(err, fs.ErrPermission):
			k.forbidden = append(k.forbidden, name)
		case errors.Is(err, errors.ErrUnsupported):
			k.unsupported = errors.Join(k.unsupported, err)
		default:
			k.err = errors.Join(k.err, err)
		}
	}
	if conf, err := krb5conf.Parse(k.text); err == nil {
		k.Config = conf
	} else {
		k.unsupported = errors.Join(k.unsupported, err)
	}
	return k
}

// setting returns the first value of a relation in [libdefaults], or "".
func (k *krb5Conf) setting(name string) string {
	if all := k.Values("libdefaults", name); len(all) > 0 {
		return all[0]
	}
	return ""
}

// flag returns a boolean of [libdefaults], parsed as libkrb5 does.
func (k *krb5Conf) flag(name string, preset bool) bool {
	switch strings.ToLower(k.setting(name)) {
	case "y", "yes", "true", "t", "1", "on":
		return true
	case "n", "no", "false", "nil", "0", "off":
		return false
	}
	return preset
}

// checkKrb5Conf checks the krb5.conf of programs on this machine. wssgate
// itself accepts tickets without one; doctor finds the KDCs by it.
func (d *doctor) checkKrb5Conf(context.Context) []Result {
	k := &d.krb5
	subject := strings.Join(k.names, ":")
	if k.err != nil {
		return []Result{fail(subject, k.err.Error(), "mend it: programs with libkrb5 refuse the whole file")}
	}
	if k.unsupported != nil {
		return []Result{fail(subject, k.unsupported.Error(),
			"programs with libkrb5 may take it, and wssgate does not: name a plain file in --krb5-conf")}
	}
	if len(k.read) == 0 {
		return []Result{d.noKrb5Conf(subject)}
	}
	list := []Result{k.checkDefaults(subject)}
	for _, name := range k.absent {
		list = append(list, warn(name, "is not there", "take it out of --krb5-conf or KRB5_CONFIG"))
	}
	for _, name := range k.forbidden {
		list = append(list, warn(name, "may not be read by this user, for whom libkrb5 passes over it",
			"let it be read, or take it out of --krb5-conf or KRB5_CONFIG"))
	}
	for _, name := range k.files {
		list = append(list, checkPassedOver(name)...)
	}
	for _, name := range d.realmNames() {
		list = append(list, k.checkRealm(subject, name)...)
	}
	for _, s := range d.services {
		if realm := k.RealmOfHost(s.host()); realm != "" && s.Realm != "" && realm != s.Realm {
			found := fmt.Sprintf("[domain_realm] has %s in realm %s: clients with this file ask its KDC for a ticket, "+
				"not that of %s", s.host(), realm, s)
			list = append(list, warn(subject, found, "correct [domain_realm]"))
		}
	}
	list = append(list, d.checkEnctypes(subject)...)
	return append(list, d.checkConfSkew(subject)...)
}

// noKrb5Conf reports why none of the files was read.
func (d *doctor) noKrb5Conf(subject string) Result {
	switch {
	case len(d.krb5.forbidden) > 0:
		return fail(subject, "may not be read by this user", "let it be read; it holds no secrets")
	case d.Config.Krb5Conf == "":
		return skip(subject, "is not there; wssgate needs none, and doctor looks for the KDCs in DNS")
	}
	return fail(subject, "is not there", "write the right path in --krb5-conf or KRB5_CONFIG")
}

// maxPassedOver limits how much of a file is searched for its first section, in
// octets.
const maxPassedOver = 64 << 10

// checkPassedOver finds settings before the first section. libkrb5 ignores them
// silently, and also a section whose line begins with a space or a byte order
// mark.
func checkPassedOver(name string) []Result {
	f, err := os.Open(name)
	if err != nil {
		return nil // it was read before; or it is in the home directory
	}
	defer f.Close()
	s := bufio.NewScanner(io.LimitReader(f, maxPassedOver))
	for number := 1; s.Scan() && !strings.HasPrefix(s.Text(), "["); number++ {
		line := strings.TrimSpace(strings.TrimPrefix(s.Text(), "\ufeff"))
		if strings.HasPrefix(line, "[") || !strings.HasPrefix(line, "#") && !strings.HasPrefix(line, ";") &&
			strings.Contains(line, "=") {
			return []Result{warn(name, fmt.Sprintf("line %d, %.60q, is passed over, as libkrb5 does with all that stands "+
				"before the first [section]", number, s.Text()),
				"let each [section] begin at the beginning of its line, and save the file without a byte order mark")}
		}
	}
	return nil
}

func (k *krb5Conf) checkDefaults(subject string) Result {
	if realm := k.DefaultRealm(); realm != "" {
		return ok(subject, "%s, default realm %s", plural(len(k.files), "file"), realm)
	}
	return warn(subject, "has no default_realm: kinit and clients on this machine need one",
		"write default_realm = REALM in [libdefaults]")
}

// checkRealm finds an entry of [realms] whose name differs by case.
func (k *krb5Conf) checkRealm(subject, name string) (list []Result) {
	for _, other := range k.Realms() {
		if other != name && strings.EqualFold(other, name) && len(k.Values("realms", name, "kdc")) == 0 {
			list = append(list, warn(subject,
				fmt.Sprintf("[realms] has %s, and the service is in %s: realms differ by case", other, name),
				"write the realm as the KDC has it; Active Directory's are in capitals"))
		}
	}
	return list
}

// checkEnctypes compares the types that krb5.conf permits with the services'
// keys.
func (d *doctor) checkEnctypes(subject string) (list []Result) {
	for _, setting := range []string{"permitted_enctypes", "default_tgs_enctypes", "default_tkt_enctypes"} {
		text := d.krb5.setting(setting)
		if text == "" {
			continue
		}
		permitted, unknown := parseEnctypes(text)
		if len(unknown) > 0 {
			list = append(list, warn(subject, setting+" has unknown names: "+strings.Join(unknown, " "),
				"correct them; libkrb5 passes over them without a word"))
		}
		if len(permitted) > 0 && !slices.ContainsFunc(permitted, isAES) {
			list = append(list, warn(subject, setting+" permits no AES: "+etypeNames(permitted), "remove the line"))
			continue
		}
		for _, s := range d.services {
			have := etypesOf(s.file.entries(s.Principal))
			if len(have) > 0 && !slices.ContainsFunc(have, func(e int32) bool { return slices.Contains(permitted, e) }) {
				list = append(list, warn(subject,
					fmt.Sprintf("%s permits %s, and the keytab of %s has %s: no type in common", setting, etypeNames(permitted), s,
						etypeNames(have)),
					"remove the line, or give the account keys of these types and export the keytab anew"))
			}
		}
	}
	for _, setting := range []string{"allow_weak_crypto", "allow_rc4"} {
		if d.krb5.flag(setting, false) {
			list = append(list, warn(subject, setting+" is on: clients on this machine may use broken encryption",
				"remove the line"))
		}
	}
	return list
}

// checkConfSkew compares clockskew with the setting clock-skew.
func (d *doctor) checkConfSkew(subject string) []Result {
	text := d.krb5.setting("clockskew")
	if text == "" {
		return nil
	}
	seconds, err := strconv.Atoi(text)
	if err == nil && float64(seconds) > d.Settings.ClockSkew.Seconds() {
		return []Result{warn(subject, fmt.Sprintf("clockskew is %s s, and wssgate takes %v only", text,
			d.Settings.ClockSkew), "synchronise the clocks, rather than raise clock-skew")}
	}
	return nil
}
