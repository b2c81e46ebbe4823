package web_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// credentials are alice's, for login in a page.
func (w *world) credentials() map[string]any {
	return map[string]any{"relay": w.relay(), "realm": realm, "user": "alice", "password": password}
}

// TestBrowser is the client in a real browser, against a real KDC behind the relay.
// All of it has one browser.
func TestBrowser(t *testing.T) {
	w := newWorld(t)
	for name, test := range map[string]func(*testing.T, *world){
		"Login":         testLogin,
		"WrongPassword": testWrongPassword,
	} {
		t.Run(name, func(t *testing.T) { test(t, w) })
	}
}

// A user logs in, and the page sees the ticket, and no key of it.
func testLogin(t *testing.T, w *world) {
	p := w.open(t)
	got := run[struct{ User, Tree string }](t, p, `
		const session = await wssgate.login(args[0]);
		return {User: session.user, Tree: JSON.stringify(await session.tickets())};`, w.credentials())
	if got.User != "alice@EXAMPLE.COM" || !strings.Contains(got.Tree, `"krbtgt/EXAMPLE.COM@EXAMPLE.COM"`) {
		t.Errorf("%+v", got)
	}
}

func testWrongPassword(t *testing.T, w *world) {
	p := w.open(t)
	who := w.credentials()
	who["password"] = "secret-guess"
	got := run[failure](t, p, `return failure(wssgate.login(args[0]))`, who)
	if diff := cmp.Diff("LoginError preauthentication-failed", got.Name+" "+got.Code); diff != "" || got.Cure == "" ||
		strings.Contains(got.Message, "secret-guess") {
		t.Errorf("%s\n%+v", diff, got)
	}
}
