package doctor

import (
	"context"
	"slices"

	"github.com/wssgate/wssgate/internal/identity"
)

// checkAssertions looks at the key files of assertions, each once.
func (d *doctor) checkAssertions(context.Context) (list []Result) {
	var seen []string
	for i := range d.Settings.Routes {
		path := d.Settings.Routes[i].AssertionKey
		if d.Settings.Routes[i].Asserts() && !slices.Contains(seen, path) {
			seen = append(seen, path)
			list = append(list, checkAssertionKey(path)...)
		}
	}
	return list
}

func checkAssertionKey(path string) (list []Result) {
	keys, err := identity.Load(path)
	if err != nil {
		return []Result{fail("assertion-key", err.Error(),
			"make a key by: openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256")}
	}
	ids := keys.IDs()
	list = append(list, ok(path, "%s; %s signs", plural(len(ids), "key"), ids[0]))
	if r, bad := checkSecretFile(path, "whoever reads it can be taken for any client by the backends"); bad {
		list = append(list, r)
	}
	return list
}
