package doctor

import (
	"context"
	"crypto/fips140"
	"fmt"
	"slices"
	"strings"

	"github.com/wssgate/wssgate/internal/config"
	"github.com/wssgate/wssgate/kerberos/etype"
)

// checkFIPS reports, in FIPS 140-3 mode, what routes and keytabs ask for that is
// outside of it. Where that is enforced, config has refused policies already.
func (d *doctor) checkFIPS(context.Context) (list []Result) {
	enabled, enforced := d.FIPS()
	switch {
	case !enabled:
		return nil
	case enforced:
		list = append(list, ok("mode", "FIPS 140-3, module %s; nothing else is allowed", fips140.Version()))
	default:
		list = append(list, ok("mode", "FIPS 140-3, module %s; other algorithms work too, and nothing refuses them: "+
			"GODEBUG=fips140=only does", fips140.Version()))
	}
	for i := range d.Settings.Routes {
		list = append(list, policiesOutsideFIPS(&d.Settings.Routes[i])...)
	}
	for _, s := range d.services {
		if r, found := keysOutsideFIPS(s, enforced); found {
			list = append(list, r)
		}
	}
	return list
}

// policiesOutsideFIPS returns a line for each policy of a route, and for its channel
// bindings.
func policiesOutsideFIPS(r *config.Route) (list []Result) {
	about := func(setting string, err error) {
		if err == nil {
			return
		}
		for line := range strings.Lines(err.Error()) {
			what, cure, _ := strings.Cut(strings.TrimSpace(line), "; ")
			list = append(list, warn("route "+r.Name(), setting+": "+what, cure+", and let its clients do so"))
		}
	}
	if r.Standard == config.StandardSOAP {
		for _, p := range r.Policy.All() {
			about("policy "+p.String(), p.FIPS140())
		}
	}
	if p := r.BackendPolicy.Messages(); p != nil {
		about("backend-policy", p.FIPS140())
	}
	if r.Standard != config.StandardNone && r.ChannelBindings != "off" && !r.TLSOffloaded {
		list = append(list, warn("route "+r.Name(), "channel-bindings: they are an MD5 (RFC 4121 4.1.1.2), and clients "+
			"that send them over TLS are refused with GODEBUG=fips140=only",
			"set channel-bindings: off if that is acceptable"))
	}
	return list
}

// keysOutsideFIPS looks at the newest keys of a service.
func keysOutsideFIPS(s *service, enforced bool) (r Result, found bool) {
	entries := s.file.entries(s.Principal)
	if len(entries) == 0 {
		return r, false
	}
	var good, other []int32
	for _, e := range entries {
		switch {
		case e.Kvno != entries[0].Kvno || slices.Contains(good, e.Etype) || slices.Contains(other, e.Etype):
		case e.Etype == etype.AES128SHA2 || e.Etype == etype.AES256SHA2:
			good = append(good, e.Etype)
		default:
			other = append(other, e.Etype)
		}
	}
	const cure = "let the KDC make keys of aes256-cts-hmac-sha384-192 for it (in MIT's kdc.conf supported_enctypes, " +
		"or ktadd -e), and export the keytab anew; Active Directory has none"
	switch {
	case len(good) == 0 && enforced:
		return fail(s.String(), fmt.Sprintf("has keys of %s alone, which cannot be used", etypeNames(other)), cure), true
	case len(good) == 0:
		found := fmt.Sprintf("has keys of %s alone, which need HMAC-SHA1 or MD5", etypeNames(other))
		return warn(s.String(), found, cure), true
	}
	return ok(s.String(), "has keys of %s", etypeNames(good)), true
}
