package doctor

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/wssgate/wssgate/internal/config"
)

// checkConfig reports what was read, and what serve would refuse at its start.
func (d *doctor) checkConfig(context.Context) []Result {
	list := []Result{ok("settings", "accepted, with %s", plural(len(d.Settings.Routes), "route"))}
	if d.more > 0 {
		list = append(list, skip("services", "%d of the %d principals that routes accept are looked at", maxServices,
			maxServices+d.more))
	}
	for _, path := range d.disabled {
		list = append(list, warn("route "+path, "its service is disabled: it refuses every request",
			"remove disabled: when that is over"))
	}
	if d.Assemble == nil {
		return list
	}
	err := d.Assemble()
	var refused *config.Error
	switch {
	case err == nil:
		return list
	case !errors.As(err, &refused):
		return append(list, fail("serve", "does not start: "+err.Error(), "see the other lines"))
	}
	for _, f := range refused.Findings {
		found := f.Setting + " " + f.Problem
		if f.Origin != "" {
			found += " (" + f.Origin + ")"
		}
		r := fail("serve", "does not start: "+found, cmp.Or(f.Cure, "see the other lines"))
		r.setting = f.Setting
		list = append(list, r)
	}
	return list
}

// withoutConsequences leaves out what serve reports of keytabs and certificate
// where another check reports why.
func withoutConsequences(r Report) Report {
	failed := map[string]bool{}
	for _, x := range r {
		failed[x.Check] = failed[x.Check] || x.Status == Fail
	}
	return slices.DeleteFunc(r, func(x Result) bool {
		switch x.setting {
		case "keytab", "service", "password-file", "principals":
			return failed["keytab"]
		case "tls-cert", "tls-key":
			return failed["tls"]
		}
		return false
	})
}
