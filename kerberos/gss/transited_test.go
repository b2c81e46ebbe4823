package gss

import (
	"testing"

	"github.com/wssgate/wssgate/kerberos/internal/krbmsg"
)

// TestUntrustedTransitedReadsPaths: compressed paths (RFC 4120 3.3.3.2) are
// compared by the names they stand for, and what is not spelled out is not
// trusted.
func TestUntrustedTransitedReadsPaths(t *testing.T) {
	t.Parallel()
	trusted := []string{"EDU", "MIT.EDU", "ATHENA.MIT.EDU", "WASHINGTON.EDU", "CS.WASHINGTON.EDU", "/COM", "/COM/HP",
		"/COM/HP/APOLLO", "/COM/DEC"}
	for path, want := range map[string]string{
		"EDU":                             "",
		"EDU,MIT.,ATHENA.,WASHINGTON.EDU": "",
		"EDU,MIT.,WASHINGTON.EDU,CS.":     "",
		"/COM,/HP":                        "",
		"/COM,/HP,/APOLLO, /COM/DEC":      "",
		"EDU,MIT.,EVIL":                   "EVIL",
		"EVIL,EDU":                        "EVIL",
		"EDU,EVIL.":                       "EVIL.EDU",
		"MIT.":                            "MIT.",
		"EDU,/COM":                        "EDU/COM",
		"/COM,/EVIL":                      "/COM/EVIL",
		",EDU":                            "realms that are not named",
		"EDU,":                            "realms that are not named",
		"EDU,,MIT.EDU":                    "realms that are not named",
		",":                               "realms that are not named",
		`EDU\,EVIL`:                       `EDU\`,
		`\EDU`:                            `\EDU`,
		"edu":                             "edu",
		" ":                               "empty name",
		"EDU MIT.EDU":                     "EDU MIT.EDU",
		"EDU\x00":                         "EDU\x00",
	} {
		if got := untrustedTransited([]byte(path), trusted); got != want {
			t.Errorf("%q: %q is not trusted, want %q", path, got, want)
		}
	}
	if got := untrustedTransited([]byte("EDU"), nil); got != "EDU" {
		t.Errorf("without a list: %q", got)
	}
}

// TestAcceptorRejectsTransitedOfUnknownType: a path that cannot be read is not
// a path of listed realms.
func TestAcceptorRejectsTransitedOfUnknownType(t *testing.T) {
	t.Parallel()
	for trType, ok := range map[int32]bool{1: true, 0: false, 2: false} {
		s := acceptance{Acceptor: &Acceptor{cfg: AcceptorConfig{ClientRealms: []string{"FAR", "MIDDLE"}}}}
		s.req.Realm = []byte("EXAMPLE.COM")
		s.ticket = krbmsg.EncTicketPart{CRealm: []byte("FAR"), TrType: trType, Transited: []byte("MIDDLE")}
		if err := s.checkClientRealm(); (err == nil) != ok {
			t.Errorf("type %d: %v", trType, err)
		}
	}
}
