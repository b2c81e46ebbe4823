package config

import (
	"regexp"
	"slices"
	"strings"
)

// UnknownVariables finds WSSGATE_ variables that are no setting's name, in an
// environment as os.Environ gives it: a typo there must not be a weaker policy
// any more than one in the file. The variables that Kubernetes makes up for a
// service called wssgate are passed over.
func UnknownVariables(environ []string) []Finding {
	injected := regexp.MustCompile(`^` + EnvironmentPrefix + `_(SERVICE_HOST|SERVICE_PORT(_.*)?|PORT(_.*)?)$`)
	var known []string
	for setting := range fieldsOf(&Flags{}) {
		known = append(known, Variable(setting))
	}
	slices.Sort(known)
	var found []Finding
	for _, entry := range environ {
		name, _, _ := strings.Cut(entry, "=")
		if !strings.HasPrefix(name, EnvironmentPrefix+"_") || slices.Contains(known, name) || injected.MatchString(name) {
			continue
		}
		found = append(found, Finding{Origin: name, Problem: "unknown setting", Cure: nearest(name, known)})
	}
	return found
}
