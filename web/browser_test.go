package web_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/wssgate/wssgate/kerberos/krbtest"
)

// credentials are alice's, for login in a page.
func (w *world) credentials(change ...string) map[string]any {
	c := map[string]any{"relay": w.relay(), "realm": realm, "user": "alice", "password": password}
	for i := 0; i < len(change); i += 2 {
		c[change[i]] = change[i+1]
	}
	return c
}

// url is an address of the gateway.
func (w *world) url(path string) string { return "http://" + w.gateway + path }

// TestBrowser is the client in a real browser, Chromium, against a real KDC behind the
// relay. All of it has one browser.
func TestBrowser(t *testing.T) {
	krbtest.Need(t, chromiumPeer)
	testBrowser(t, newWorld(t, startChromium))
}

// TestFirefox is TestBrowser in Firefox.
func TestFirefox(t *testing.T) {
	if !*withFirefox {
		t.Skip("Firefox is large: -firefox")
	}
	krbtest.Need(t, firefoxPeer)
	testBrowser(t, newWorld(t, startFirefox))
}

func testBrowser(t *testing.T, w *world) {
	for _, test := range []struct {
		name string
		run  func(*testing.T, *world)
	}{
		{"Login", testLogin},
		{"Fetch", testFetch},
		{"SOAP", testSOAP},
		{"SkewedClock", testSkewedClock},
		{"Logout", testLogout},
		{"Abort", testAbort},
		{"Cache", testCache},
		{"Refusals", testRefusals},
		{"Arguments", testArguments},
		{"BadRelays", testBadRelays},
		{"SocketsThatClose", testSocketsThatClose},
		{"OneSocket", testOneSocket},
		{"HTTPRelay", testHTTPRelay},
		{"LargeToken", testLargeToken},
		{"BadServices", testBadServices},
		{"TenTabs", testTenTabs},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, w) })
	}
}

// A user logs in, and the page sees the ticket, and no key of it. Nothing is
// stored, and nothing is left in globals.
func testLogin(t *testing.T, w *world) {
	p := w.open(t)
	type result struct {
		User, Tree, Stored, Globals string
		Left                        float64
	}
	got := run[result](t, p, `
		const session = await wssgate.login(args[0]);
		const databases = await indexedDB.databases();
		return {User: session.user, Tree: JSON.stringify(await session.tickets()),
			Left: (session.expires - Date.now()) / 3600e3,
			Stored: JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie, databases]),
			Globals: Object.keys(globalThis).filter(name => name.startsWith('wssgate ')).join()};`, w.credentials())
	if got.User != "alice@EXAMPLE.COM" || got.Stored != `[{},{},"",[]]` || got.Globals != "" ||
		got.Left < 1 || got.Left > 24 {
		t.Errorf("%+v", got)
	}
	var tree struct {
		Name, Value string
		Children    []struct {
			Name, Value string
			Children    []struct{ Name, Value string }
		}
	}
	if err := json.Unmarshal([]byte(got.Tree), &tree); err != nil {
		t.Fatal(err)
	}
	if len(tree.Children) != 1 || tree.Children[0].Value != "krbtgt/EXAMPLE.COM@EXAMPLE.COM" ||
		!strings.Contains(got.Tree, "renew-till") || strings.Contains(got.Tree, `"name":"octets"`) {
		t.Errorf("%s", got.Tree)
	}
}

// The page calls by both challenges, again with a token at once, and learns of the
// response what any fetch shows.
func testFetch(t *testing.T, w *world) {
	p := w.open(t)
	script := `
		const session = await wssgate.login(args[0]);
		const texts = [String((await fetch(args[1][0][0], {credentials: 'omit'})).status)];
		for (const [url, init] of args[1]) {
			const response = await session.fetch(url, init ?? undefined);
			texts.push(response.status + ' ' + await response.text());
		}
		texts.push((await session.tickets()).children.map(ticket => ticket.value).join());
		return texts.join('\n');`
	post := map[string]any{"method": "POST", "body": "a=1", "headers": map[string]string{"X-Mine": "1"}}
	got := run[string](t, p, script, w.credentials(), []any{
		[]any{w.url("/app/a")}, []any{w.url("/app/b"), post}, []any{w.url("/app/b"), post},
		[]any{w.url("/negotiate/c?d=e")},
	})
	want := `401
200 GET /app/a for alice@EXAMPLE.COM
200 POST /app/b a=1 for alice@EXAMPLE.COM
200 POST /app/b a=1 for alice@EXAMPLE.COM
200 GET /negotiate/c for alice@EXAMPLE.COM
krbtgt/EXAMPLE.COM@EXAMPLE.COM,HTTP/localhost@EXAMPLE.COM`
	if got != want {
		t.Errorf("got\n%s\nwant\n%s\n%s", got, want, w.log.tail())
	}
	asked := strings.Count(w.log.String(), `"code":"negotiate-no-token"`)
	if asked != 4 {
		t.Errorf("%d requests without a token; one has an address that is known", asked)
	}
}

// The page calls under two policies, and nobody on the way reads it.
func testSOAP(t *testing.T, w *world) {
	p := w.open(t)
	script := `
		const session = await wssgate.login(args[0]);
		const sent = [];
		const native = globalThis.fetch;
		globalThis.fetch = async request => { sent.push(await request.clone().text()); return native(request); };
		const replies = [];
		for (const [url, options] of args[1])
			replies.push(await session.soap(url, '<q:GetQuote xmlns:q="urn:q">secret</q:GetQuote>', options));
		await session.logout();
		return {Replies: replies.map(r => r.status + " " + />([^<]*)<\/q:Quote>/.exec(r.message)?.[1]), Sent: sent};`
	got := run[struct{ Replies, Sent []string }](t, p, script, w.credentials(), []any{
		[]any{w.url("/quotes"), map[string]string{"policy": "Kerberos"}},
		[]any{w.url("/negotiated"), map[string]string{"policy": "SspiNegotiated", "action": "urn:q/GetQuote"}},
		[]any{w.url("/negotiated"), map[string]string{"policy": "SspiNegotiated", "action": "urn:q/GetQuote"}},
	})
	for i, reply := range got.Replies {
		if reply != "200 42.50 for alice@EXAMPLE.COM" {
			t.Errorf("%d: %s", i, reply)
		}
	}
	if len(got.Replies) != 3 || len(got.Sent) != 4 { // one message of the negotiation
		t.Errorf("%d replies to %d messages\n%s", len(got.Replies), len(got.Sent), w.log.tail())
	}
	for _, sent := range got.Sent {
		if strings.Contains(sent, "secret") {
			t.Errorf("in clear: %s", sent)
		}
	}
}

// A clock that is wrong by hours costs a second login, and no more: the page
// learns the KDC's, and services take its tokens.
func testSkewedClock(t *testing.T, w *world) {
	for hours, user := range map[int]string{-9: "alice", 7: "alice", 1: "bob"} {
		p := w.open(t)
		got := run[struct {
			Offset, Left float64
			Text         string
		}](t, p, `
			const right = Date.prototype.getTime;
			Date.prototype.getTime = function() { return right.call(this) + args[1] * 3600e3; };
			const session = await wssgate.login(args[0]);
			const response = await session.fetch(args[2]);
			const reply = await session.soap(args[3], '<q:GetQuote xmlns:q="urn:q"/>');
			return {Offset: session.clockOffset / 3600e3, Text: await response.text() + reply.status,
				Left: (session.expires - new Date().getTime()) / 3600e3};`,
			w.credentials("user", user), hours, w.url("/app"), w.url("/quotes"))
		if d := got.Offset + float64(hours); d < -.1 || d > .1 || got.Left < 5 || got.Left > 24 ||
			got.Text != "GET /app for "+user+"@EXAMPLE.COM200" {
			t.Errorf("%d: %+v\n%s", hours, got, w.log.tail())
		}
	}
	p := w.open(t)
	got := run[failure](t, p, `
		Date.prototype.getTime = () => 0;
		return failure(wssgate.login(args[0]));`, w.credentials())
	if got.Name+" "+got.Code != "LoginError clock-skew" {
		t.Errorf("50 years: %+v", got)
	}
}

// After a logout nothing can be done, and what was under way has failed.
func testLogout(t *testing.T, w *world) {
	p := w.open(t)
	got := run[[]failure](t, p, `
		const session = await wssgate.login(args[0]);
		const underway = failure(session.fetch(args[1] + '?wait'));
		const unsent = failure(session.soap(args[2], '<a xmlns="urn:a"/>'));
		await session.logout();
		await session.logout();
		return [await underway, await unsent, await failure(session.fetch(args[1])),
			await failure(session.soap(args[2], '<a/>')), await failure(session.tickets()),
			await failure((async () => session.user)()), await failure((async () => session.expires)())];`,
		w.credentials(), w.url("/app"), w.url("/quotes"))
	if len(got) != 7 {
		t.Fatalf("%+v", got)
	}
	for i, f := range got {
		if f.Name+" "+f.Code != "SessionError browser-over" || f.Cure == "" {
			t.Errorf("%d: %+v", i, f)
		}
	}
}

// A page that aborts gets its own reason, at each step, at once.
func testAbort(t *testing.T, w *world) {
	silent := silentRelay(t)
	p := w.open(t)
	got := run[[]failure](t, p, `
		const early = AbortSignal.abort(new Error('early'));
		const soon = () => AbortSignal.timeout(50);
		const session = await wssgate.login(args[0]);
		return [await failure(wssgate.login({...args[0], signal: early})),
			await failure(wssgate.login({...args[0], relay: args[1], signal: soon()})),
			await failure(session.fetch(args[2], {signal: early})),
			await failure(session.fetch(args[2], {signal: soon()})),
			await failure(session.soap(args[3], '<a xmlns="urn:wait"/>', {signal: soon()}))];`,
		w.credentials(), silent, w.url("/app?wait"), w.url("/quotes"))
	// The reason may be any value. The session goes on.
	other := run[[]string](t, p, `
		const session = await wssgate.login(args[0]);
		const reasons = [];
		for (const reason of ['left', null, 7, Object.create(null)]) {
			const controller = new AbortController();
			const call = session.fetch(args[1], {signal: controller.signal});
			setTimeout(() => controller.abort(reason), 20);
			reasons.push(await call.then(() => 'done', e => e === reason ? 'its own' : String(e)));
		}
		reasons.push(await (await session.fetch(args[2])).text());
		return reasons;`, w.credentials(), w.url("/app?wait"), w.url("/app"))
	if all := strings.Join(other, ", "); all != "its own, its own, its own, its own, GET /app for alice@EXAMPLE.COM" {
		t.Error(all)
	}
	var names []string
	for _, f := range got {
		names = append(names, f.Name)
	}
	if all := strings.Join(names, " "); all != "Error TimeoutError Error TimeoutError TimeoutError" {
		t.Errorf("%s: %+v", all, got)
	}
}

// A response that a service lets be kept is good for one call: the next one gets
// another, and so does the next user.
func testCache(t *testing.T, w *world) {
	p := w.open(t)
	got := run[[]string](t, p, `
		const texts = [];
		for (const user of ['alice', 'bob']) {
			const session = await wssgate.login({...args[0], user});
			for (let i = 0; i < 2; i++)
				texts.push(await session.fetch(args[1]).then(response => response.text(), e => e.code + ': ' + e.message));
			await session.logout();
		}
		return texts;`, w.credentials(), w.url("/app/kept?fresh"))
	want := []string{"GET /app/kept for alice@EXAMPLE.COM", "GET /app/kept for alice@EXAMPLE.COM",
		"GET /app/kept for bob@EXAMPLE.COM", "GET /app/kept for bob@EXAMPLE.COM"}
	if !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}

// Who may not log in learns why, by the code of the catalogue, and no text has the
// password or becomes markup.
func testRefusals(t *testing.T, w *world) {
	p := w.open(t)
	const hostile = `<img src=x onerror="globalThis.injected = 1">`
	for name, c := range map[string]struct {
		who  map[string]any
		want string
	}{
		"wrong password": {w.credentials("password", "secret-guess"), "LoginError preauthentication-failed"},
		"unknown user":   {w.credentials("user", "mallory", "password", "secret-guess"), "LoginError client-unknown"},
		"hostile user":   {w.credentials("user", hostile, "password", "secret-guess"), "LoginError client-unknown"},
		"hostile realm":  {w.credentials("realm", hostile, "password", "secret-guess"), "KDCError kdc-unreachable"},
		"odd user":       {w.credentials("user", "ålice\u202e"), "LoginError client-unknown"},
		"control user":   {w.credentials("user", "ali\x00ce"), "ArgumentError browser-argument"},
		"another realm":  {w.credentials("user", "alice@EVIL.TEST"), "ArgumentError browser-argument"},
		"long user":      {w.credentials("user", strings.Repeat("a", 5000)), "ArgumentError browser-argument"},
		"long realm":     {w.credentials("realm", strings.Repeat("A", 5000)), "ArgumentError browser-argument"},
		"empty user":     {w.credentials("user", ""), "ArgumentError browser-argument"},
		"empty realm":    {w.credentials("realm", ""), "ArgumentError browser-argument"},
		"empty password": {w.credentials("password", ""), "ArgumentError browser-argument"},
		"no TLS":         {w.credentials("relay", "ws://gw.example.com/kerberos5"), "ArgumentError browser-insecure"},
		"no relay":       {w.credentials("relay", "javascript:alert(1)"), "ArgumentError browser-argument"},
	} {
		got := run[failure](t, p, `return failure(wssgate.login(args[0]))`, c.who)
		if got.Name+" "+got.Code != c.want || !got.IsOurs || got.Cure == "" || got.Reason == "" ||
			len(got.Message) > 2000 || strings.Contains(got.Message+got.Cure, "secret-guess") {
			t.Errorf("%s: %+v", name, got)
		}
	}
	if run[bool](t, p, `return 'injected' in globalThis || document.images.length > 0`) {
		t.Error("markup of a name was run")
	}
}

// Mistakes of pages are errors, and not another call than they mean.
func testArguments(t *testing.T, w *world) {
	p := w.open(t)
	got := run[[]failure](t, p, `
		const session = await wssgate.login(args[0]);
		const soap = options => failure(session.soap(args[1], '<a xmlns="urn:a"/>', options));
		return [await failure(wssgate.login()), await failure(wssgate.login({...args[0], pasword: 'x'})),
			await failure(wssgate.login({...args[0], user: 7})), await failure(wssgate.login({...args[0], signal: {}})),
			await failure(session.fetch('http://[')), await failure(session.fetch('http://gw.example.com/')),
			await failure(session.fetch(args[1], {headers: {Authorization: 'Basic eA=='}})),
			await failure(session.fetch('data:,x')), await soap({policy: 'Nothing'}), await soap({version: '1.3'}),
			await soap({trust: '2'}), await soap({addressing: 'x'}), await soap({timeout: -1}), await soap({unknown: 1}),
			await failure(session.soap(args[1], 'text')), await failure(session.soap(args[1], '<a/></s:Body><s:Body>')),
			await failure(session.soap(args[1], 7))];`, w.credentials(), w.url("/quotes"))
	if len(got) != 17 {
		t.Fatalf("%+v", got)
	}
	for i, f := range got {
		if f.Name != "ArgumentError" || f.Cure == "" {
			t.Errorf("%d: %+v", i, f)
		}
	}
	if run[failure](t, p, `return failure((async () => new wssgate.Session())())`).Name != "TypeError" {
		t.Error("a page can make a Session")
	}
}

// A token of 64 kB, as of an account in very many groups, comes through.
func testLargeToken(t *testing.T, w *world) {
	kdc := krbtest.New(krbtest.Config{Realm: realm,
		AuthzData: krbtest.AuthzSequence(krbtest.AuthzElement(99, make([]byte, 64<<10)))})
	kdc.AddUser("alice", password)
	kdc.AddService(service)
	server, err := kdc.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	octets, err := kdc.Keytab(nil).AppendBinary(nil)
	file := filepath.Join(t.TempDir(), "keytab")
	if err = errors.Join(err, os.WriteFile(file, octets, 0o600)); err != nil {
		t.Fatal(err)
	}
	gateway := w.serve("tcp/"+server.Addr(), file)
	p := w.open(t)
	got := run[string](t, p, `
		const session = await wssgate.login(args[0]);
		const reply = await session.soap(args[2], '<q:GetQuote xmlns:q="urn:q"/>');
		return await (await session.fetch(args[1])).text() + ', ' + reply.status;`,
		w.credentials("relay", "ws://"+gateway+"/kerberos5"), "http://"+gateway+"/app", "http://"+gateway+"/quotes")
	if got != "GET /app for alice@EXAMPLE.COM, 200" {
		t.Errorf("%s\n%s", got, w.log.tail())
	}
}

// Ten tabs log in and call at once, each with a program and a session of its own.
func testTenTabs(t *testing.T, w *world) {
	const tabs = 10
	results := make(chan string, tabs)
	for range tabs {
		p := w.open(t)
		go func() {
			results <- run[string](t, p, `
				const session = await wssgate.login(args[0]);
				return await (await session.fetch(args[1])).text();`, w.credentials(), w.url("/app"))
		}()
	}
	for range tabs {
		select {
		case got := <-results:
			if got != "GET /app for alice@EXAMPLE.COM" {
				t.Error(got)
			}
		case <-time.After(2 * enough):
			t.Fatalf("a tab does not end\n%s", w.log.tail())
		}
	}
}
