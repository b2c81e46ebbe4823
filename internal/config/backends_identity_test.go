package config

import (
	"strings"
	"testing"
)

const asserting = oneRoute + "assertion-key: k.pem\nassertion-issuer: https://gw.example.com\n" +
	"assertion-audience: [quotes]\n"

func TestCheckRefusesAssertions(t *testing.T) {
	const header = "assertion-header: X-I\n"
	for file, want := range map[string]string{
		asserting + header:                                    "",
		asserting + "assertion-header: \"\"\n":                "",
		asserting + authorization:                             "",
		asserting:                                             "gate.yaml:5:1: assertion-key: has no use without",
		oneRoute + header:                                     "assertion-header: needs assertion-key, ",
		oneRoute + header + "assertion-key: k\n":              "assertion-header: needs assertion-issuer",
		asserting + "assertion-header: X-Wssgate-Principal\n": "is principal-header too",
		asserting + "assertion-header: Content-Type\n":        "is not a header name, or one that HTTP needs",
		asserting + header + "pass-http-headers: [x_i]\n": `a client could write "x_i", by which the backend knows the ` +
			"client",
		asserting + header + "assertion-lifetime: 2h\n": "assertion-lifetime: 2h0m0s is not between 5s and 1h0m0s",
		asserting + header + "assertion-lifetime: 1s\n": "assertion-lifetime: 1s is not between 5s and 1h0m0s",
		asserting + header + "assertion-type: a b\n":    `assertion-type: "a b" is not the type of a token`,
		"standard: none\nbackend: http://b\n" + header:  "assertion-header: has no effect under standard none",
		strings.Replace(asserting, "http://", "http://u:p@", 1) + authorization: "already carries the user information of " +
			"backend",
	} {
		_, err := load(t, file, Flags{}, nil)
		switch {
		case want == "" && err != nil:
			t.Errorf("%s: %v", file, err)
		case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
			t.Errorf("%s: got %v\nwant %s", file, err, want)
		}
	}
}

const authorization = "assertion-header: Authorization\n"

// An open route that shares the backend must not let a client write the header
// of another route.
func TestOpenRouteDoesNotPassTheAssertionsOfAnother(t *testing.T) {
	_, err := load(t, "backend: http://b\nroutes:\n  - {path: /a, keytab: k, assertion-header: X-I, assertion-key: k, "+
		"assertion-issuer: i, assertion-audience: [a]}\n  - {path: /b, standard: none, pass-http-headers: [X-I]}\n",
		Flags{}, nil)
	if err == nil || !strings.Contains(err.Error(), `a client could write "X-I"`) {
		t.Errorf("got %v", err)
	}
}
