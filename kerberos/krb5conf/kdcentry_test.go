package krb5conf_test

import (
	"encoding/hex"
	"math/rand/v2"
	"net"
	"strings"
	"testing"

	"github.com/wssgate/wssgate/kerberos/kdc"
)

// TestKDCEntriesAgreeWithMIT: host and port of generated entries, and which
// ones are refused.
func TestKDCEntriesAgreeWithMIT(t *testing.T) {
	g := rand.New(rand.NewPCG(8, 8))
	one := func(of ...string) string { return of[g.IntN(len(of))] }
	var entries, questions []string
	for range 300 {
		entry := one("h", "kdc.example.com", "127.0.0.1", "[::1]", "[2001:db8::1]", "88", "k") +
			one("", "", ":", " ", "\t", ":1088", ":88 ", ": 88", ":+7", ":-7", ":070", ":65536", ":9x") +
			one("", "", "", "# text", " h2", ":", ":99", "x")
		if strings.HasPrefix(entry, "88::") { // an address of IPv6, which MIT wants in brackets
			continue
		}
		entries, questions = append(entries, entry), append(questions, "kdc "+hex.EncodeToString([]byte(entry)))
	}
	refused := 0
	for n, theirs := range askMIT(t, questions) {
		host, port, ours := kdcOf(t, entries[n])
		if got := host + " " + port + "\n"; ours == "" && got != theirs || ours != "" && theirs != "refused\n" {
			t.Errorf("%q: MIT has %q, we %q, %q", entries[n], theirs, got, ours)
		}
		if ours != "" {
			refused++
		}
	}
	if refused < 50 || refused > 250 {
		t.Errorf("%d of %d refused", refused, len(entries))
	}
}

// kdcOf returns host and port of a kdc entry as a client reads it, or why it is
// refused.
func kdcOf(t *testing.T, entry string) (host, port, why string) {
	t.Helper()
	transport, err := kdc.NewTransport(kdc.TransportConfig{Krb5Conf: "[realms]\nR = {\nkdc = \"" +
		strings.ReplaceAll(entry, "\t", "\\t") + "\"\n}\n"})
	if err != nil {
		t.Fatal(err)
	}
	list, err := transport.KDCs(t.Context(), "R")
	if err != nil {
		return "", "", err.Error()
	}
	host, port, _ = net.SplitHostPort(list[0].Address)
	return host, port, ""
}
