package gateway

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/wssgate/wssgate/internal/resecure"
	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/negotiate"
	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/wssec"
	"github.com/wssgate/wssgate/wstrust"
)

func TestCatalogueExplainsEveryCodeOnce(t *testing.T) {
	t.Parallel()
	entries := map[string]Entry{}
	for _, e := range Catalogue() {
		if _, twice := entries[e.Code]; twice {
			t.Errorf("%s is a code of two packages", e.Code)
		}
		entries[e.Code] = e
		if e.Cause == "" || e.Cure == "" || e.Fault() == "" || !regexp.MustCompile(`^[a-z][a-z0-9-]*$`).MatchString(e.Code) {
			t.Errorf("entry %+v", e)
		}
	}
	if want := len(Codes()) + len(resecure.Codes()) + len(soap.Codes()) + len(wssec.Codes()) + len(wstrust.Codes()) +
		len(negotiate.Codes()) + len(kerberos.Codes()); len(entries) != want {
		t.Errorf("%d entries of %d codes", len(entries), want)
	}
	for code, cure := range settingCures() {
		if e, known := entries[code]; !known || e.Cure != cure {
			t.Errorf("a cure for %s, which no package has", code)
		}
	}
}

// Faults are those on the wire: contexts have one of their own, what a token is
// refused for has another fault in a negotiation than in a message, and those of
// WS-Addressing have two names, of which SOAP 1.1 has the second alone.
func TestCatalogueNamesTheFaultsOnTheWire(t *testing.T) {
	t.Parallel()
	want := map[string]string{
		"ticket-integrity":   "wsse:InvalidSecurity; wst:FailedAuthentication in a negotiation",
		"spnego-negotiation": "wst:FailedAuthentication",
		"spnego-mic":         "wst:FailedAuthentication",
		"context-state":      "wst:FailedAuthentication",
		"peer-refused":       "none", // a client's
		"delegation-refused": "soap:Receiver",
		"reply-to-elsewhere": "wsa:InvalidAddressingHeader with wsa:OnlyAnonymousAddressSupported",
		"wrong-address":      "wsa:DestinationUnreachable",
	}
	for _, kind := range []string{"unknown", "expired", "cancelled", "instance", "type"} {
		want["security-context-"+kind] = "wsc:BadContextToken"
	}
	for _, e := range Catalogue() {
		if fault, ok := want[e.Code]; ok && e.Fault() != fault {
			t.Errorf("%s: %q, want %q", e.Code, e.Fault(), fault)
		}
		delete(want, e.Code)
	}
	if len(want) > 0 {
		t.Errorf("no codes: %v", want)
	}
}

// sources returns the files of a package, tests apart.
func sources(t *testing.T, dir string) map[string]string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil || len(names) == 0 {
		t.Fatalf("%s: %v, %d files", dir, err, len(names))
	}
	files := map[string]string{}
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		src, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		files[name] = string(src)
	}
	return files
}
