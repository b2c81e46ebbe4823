package gateway_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/wssgate/wssgate/internal/access"
	"github.com/wssgate/wssgate/internal/door"
	"github.com/wssgate/wssgate/internal/gateway"
	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/soap/xmltext"
	"github.com/wssgate/wssgate/wssec"
)

// The header blocks of a request as CXF and WCF write them.
const requestAction, requestID = "http://example.org/Quotes/AskRequest", "urn:uuid:1&2"

func wsaBlock(space, local, content string) string {
	return `<w:` + local + ` xmlns:w="` + space + `">` + content + `</w:` + local + `>`
}

func anonymous(space string) string {
	if space == soap.NSAddressing04 {
		return space + "/role/anonymous"
	}
	return space + "/anonymous"
}

func wsaReference(space, local, address string) string {
	return wsaBlock(space, local, `<w:Address>`+address+`</w:Address>`)
}

func requestBlocks(space string) string {
	return mandatory(wsaAction(space, requestAction)+wsaTo(space, "http://gw.example.com/svc")) +
		wsaBlock(space, "MessageID", strings.ReplaceAll(requestID, "&", "&amp;")) +
		wsaReference(space, "ReplyTo", anonymous(space))
}

// An addressed is a world with what its backend got and with the addressing
// properties of replies.
type addressed struct {
	*world
	got   string // by the backend
	reply string // Body's content of the backend's next replies; "" echoes
	head  string // content of their Header
}

func newAddressed(t testing.TB, options ...option) *addressed {
	w := &addressed{}
	w.world = newWorld(t, options...)
	w.backend = func(rw http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		w.got = string(b)
		env, err := soap.Parse(b, xmltext.Options{})
		if err != nil {
			http.Error(rw, err.Error(), http.StatusTeapot)
			return
		}
		body := w.reply
		if body == "" {
			body = `<r:Told xmlns:r="urn:r"/>`
		}
		rw.Header().Set("Content-Type", env.Version.ContentType())
		_, _ = io.WriteString(rw, `<s:Envelope xmlns:s="`+env.Version.Namespace()+`"><s:Header>`+w.head+
			`</s:Header><s:Body>`+body+`</s:Body></s:Envelope>`)
	}
	return w
}

// send sends a message with header blocks, and returns the reply with what is
// needed to verify it.
func (w *addressed) send(v soap.Version, blocks string) (httpReply, *wssec.Request) {
	w.t.Helper()
	msg, req := w.protectAs("alice", withHeader(v, blocks))
	return w.post(v, bytes.NewReader(msg)), req
}

// properties returns the text of the header blocks of WS-Addressing of a reply
// that verifies, by their local names, and whether all of them are signed.
func (w *addressed) properties(r httpReply, req *wssec.Request, space string) (texts map[string]string, signed bool) {
	w.t.Helper()
	env, err := soap.Parse(r.body, xmltext.Options{})
	w.must(err)
	msg, err := w.client.VerifyReply(context.Background(), env, req, wssec.Channel{})
	if err != nil {
		w.t.Fatalf("reply does not verify: %v\n%s", err, r.body)
	}
	texts, signed = map[string]string{}, true
	for b := range msg.Envelope().Blocks() {
		if !soap.IsAddressing(b.Space()) {
			continue
		}
		if texts[b.Local()] = b.Text(); b.Space() != space {
			w.t.Errorf("%s is of another version", b.Name())
		}
		covered := false
		for _, n := range msg.Signed() {
			covered = covered || n == b
		}
		signed = signed && covered
	}
	return texts, signed
}

func terminating(_ *gateway.Config, r *gateway.Route, _ *wssec.Policy) { r.TerminateAddressing = true }

func signingBodyAlone(_ *gateway.Config, _ *gateway.Route, p *wssec.Policy) {
	p.SignedParts.Headers = nil
}

// A client with WS-Addressing is served by a backend that knows none: it gets no
// block, mandatory or not, and the client gets action and relationship, signed
// where the policy signs them.
func TestTerminateAddressingServesABackendWithout(t *testing.T) {
	t.Parallel()
	for name, policy := range map[string]option{
		"headers signed": func(*gateway.Config, *gateway.Route, *wssec.Policy) {}, "Body alone signed": signingBodyAlone,
		"over TLS": func(_ *gateway.Config, r *gateway.Route, p *wssec.Policy) {
			*p, _ = wssec.Preset("KerberosOverTransport")
			r.TLSOffloaded = true
		},
	} {
		w := newAddressed(t, policy, terminating)
		for _, space := range []string{soap.NSAddressing, soap.NSAddressing04} {
			for _, v := range []soap.Version{soap.V11, soap.V12} {
				r, req := w.send(v, requestBlocks(space))
				got, signed := w.properties(r, req, space)
				if strings.Contains(w.got, "/addressing") || !strings.Contains(w.got, "urn:q") {
					t.Errorf("%s, %s, %s: the backend got %s", name, space, v, w.got)
				}
				if got["Action"] != "http://example.org/Quotes/AskResponse" || got["RelatesTo"] != requestID ||
					!strings.HasPrefix(got["MessageID"], "urn:uuid:") || got["MessageID"] == requestID ||
					signed != (name == "headers signed") || got["To"] != map[string]string{
					soap.NSAddressing04: anonymous(space)}[space] {
					t.Errorf("%s, %s, %s: %v, signed %v", name, space, v, got, signed)
				}
			}
		}
		// A message without the header blocks is none of this.
		r, req := w.send(soap.V11, `<x:Other xmlns:x="urn:x"/>`)
		if got, _ := w.properties(r, req, ""); len(got) != 0 {
			t.Errorf("%s: a message without gets %v", name, got)
		}
	}
}

func TestTerminateAddressingChoosesTheAction(t *testing.T) {
	t.Parallel()
	const space = soap.NSAddressing
	w := newAddressed(t, terminating, func(_ *gateway.Config, r *gateway.Route, _ *wssec.Policy) {
		r.ReplyActions = map[string]string{"urn:special": "urn:answer?a=b&c"}
	})
	fault := (&soap.Fault{Reason: "no"}).AppendEnvelope(nil, soap.V11)
	_, fault, _ = bytes.Cut(fault, []byte("<soap:Body>"))
	fault, _, _ = bytes.Cut(fault, []byte("</soap:Body>"))
	backendFault := strings.ReplaceAll(string(fault), "soap:", "s:")
	for _, tt := range []struct{ request, body, want string }{
		{requestAction, "", "http://example.org/Quotes/AskResponse"},
		{"urn:ask", "", "urn:askResponse"},
		{"urn:special", "", "urn:answer?a=b&c"},
		{requestAction, backendFault, space + "/soap/fault"},
		{"urn:special", backendFault, space + "/soap/fault"},
	} {
		w.reply = tt.body
		r, req := w.send(soap.V11, wsaAction(space, tt.request)+wsaBlock(space, "MessageID", "urn:m"))
		if got, signed := w.properties(r, req, space); got["Action"] != tt.want || got["RelatesTo"] != "urn:m" || !signed {
			t.Errorf("%s: %v, signed %v", tt.request, got, signed)
		}
	}
	// No identifier is demanded; an action is.
	w.reply = ""
	r, req := w.send(soap.V11, wsaAction(space, requestAction))
	if got, _ := w.properties(r, req, space); got["Action"] == "" || len(got) != 2 {
		t.Errorf("without MessageID: %v", got)
	}
	n := w.calls()
	r, req = w.send(soap.V12, wsaBlock(space, "MessageID", "urn:m"))
	if f := w.openFault(r, req); f.Subcode.Local != "MessageAddressingHeaderRequired" || w.calls() != n {
		t.Errorf("without Action: %+v", f)
	}
}

// What the backend writes of WS-Addressing in spite of all is not the client's:
// two actions, or another relationship, would be.
func TestTerminateAddressingReplacesTheBackendsBlocks(t *testing.T) {
	t.Parallel()
	const space = soap.NSAddressing
	for _, rule := range []wssec.HeaderRule{wssec.DropHeaders, wssec.PassHeaders} {
		for _, policy := range []option{signingBodyAlone, func(*gateway.Config, *gateway.Route, *wssec.Policy) {}} {
			w := newAddressed(t, terminating, policy, func(_ *gateway.Config, r *gateway.Route, _ *wssec.Policy) {
				r.OtherHeaders = rule
			})
			w.head = wsaAction(space, "urn:theirs") + wsaBlock(space, "RelatesTo", "urn:theirs") +
				wsaBlock(soap.NSAddressing04, "RelatesTo", "urn:theirs") + `<x:Other xmlns:x="urn:x"/>`
			r, req := w.send(soap.V11, requestBlocks(space))
			if got, _ := w.properties(r, req, space); got["RelatesTo"] != requestID || bytes.Contains(r.body,
				[]byte("urn:theirs")) {
				t.Errorf("%s: %s", rule, r.body)
			}
		}
	}
}

// A route without protection terminates it too, and changes nothing else.
func TestTerminateAddressingWithoutProtection(t *testing.T) {
	t.Parallel()
	const space = soap.NSAddressing
	w := newAddressed(t)
	w.config.Routes[0].Door, w.config.Routes[0].TerminateAddressing = door.None(), true
	w.serve()
	w.head = wsaBlock(soap.NSAddressing04, "RelatesTo", "urn:theirs") + `<x:Other xmlns:x="urn:x">o</x:Other>`
	blocks := `<x:Before xmlns:x="urn:x"/>` + requestBlocks(space) + `<x:After xmlns:x="urn:x"/>`
	r := w.post(soap.V12, strings.NewReader(withHeader(soap.V12, blocks)))
	if want := withHeader(soap.V12, `<x:Before xmlns:x="urn:x"/><x:After xmlns:x="urn:x"/>`); w.got != want {
		t.Errorf("the backend got\n%s\nwant\n%s", w.got, want)
	}
	env, err := soap.Parse(r.body, xmltext.Options{})
	w.must(err)
	a, err := env.Addressing()
	if err != nil || a.Text(a.Action) != "http://example.org/Quotes/AskResponse" || len(a.RelatesTo) != 1 ||
		a.RelatesTo[0].Text() != requestID || !bytes.Contains(r.body, []byte(`<x:Other xmlns:x="urn:x">o</x:Other>`)) {
		t.Errorf("%v: %s", err, r.body)
	}
	for _, header := range []string{"", "<s:Header/>", "<s:Header></s:Header>"} {
		w.backend = answer(200, soap.V12.ContentType(), `<s:Envelope xmlns:s="`+soap.NS12+`">`+header+
			`<s:Body/></s:Envelope>`)
		r = w.post(soap.V12, strings.NewReader(withHeader(soap.V12, requestBlocks(space))))
		env, err = soap.Parse(r.body, xmltext.Options{})
		w.must(err)
		if a, err = env.Addressing(); err != nil || len(a.RelatesTo) != 1 {
			t.Errorf("%q: %v: %s", header, err, r.body)
		}
	}
}

// serve makes the gateway anew from the world's configuration.
func (w *addressed) serve() {
	w.t.Helper()
	g, err := gateway.New(w.config)
	w.must(err)
	w.gateway = httptest.NewServer(g)
	w.t.Cleanup(w.gateway.Close)
}

// With RewriteTo the backend gets its own address, and nothing else is changed.
func TestRewriteToNamesTheBackend(t *testing.T) {
	t.Parallel()
	const own = "http://backend.example.com/q?a=b&c"
	rewriting := func(_ *gateway.Config, r *gateway.Route, _ *wssec.Policy) { r.RewriteTo = own }
	for _, space := range []string{soap.NSAddressing, soap.NSAddressing04} {
		for _, v := range []soap.Version{soap.V11, soap.V12} {
			w := newAddressed(t, rewriting)
			w.send(v, requestBlocks(space))
			env, err := soap.Parse([]byte(w.got), xmltext.Options{})
			w.must(err)
			a, err := env.Addressing()
			must, _ := env.MustUnderstand(a.To)
			if err != nil || a.Text(a.To) != own || !must || a.Text(a.MessageID) != requestID {
				t.Errorf("%s, %s: %v, %s", space, v, err, w.got)
			}
		}
	}
	for rule, want := range map[wssec.HeaderRule]bool{wssec.DropHeaders: false, wssec.PassHeaders: true} {
		w := newAddressed(t, rewriting, signingBodyAlone, func(_ *gateway.Config, r *gateway.Route, _ *wssec.Policy) {
			r.OtherHeaders = rule
		})
		if w.send(soap.V11, wsaTo(soap.NSAddressing, "urn:a")); strings.Contains(w.got, "backend.example.com") != want {
			t.Errorf("an unprotected wsa:To, %s: %s", rule, w.got)
		}
	}
}

// A reply goes back the way of the request, or nowhere. Nobody else's address is
// called or passed on, whoever has written it: WS-Attacker's WS-Addressing
// spoofing sends the backend's replies, or its connections, to a third party.
func TestReplyEndpointsElsewhereAreRefused(t *testing.T) {
	t.Parallel()
	var elsewhere atomic.Int32
	third := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { elsewhere.Add(1) }))
	defer third.Close()
	for name, options := range map[string][]option{
		"pass": nil, "terminate": {terminating}, "unsigned": {signingBodyAlone},
		"unsigned, passed": {signingBodyAlone, func(_ *gateway.Config, r *gateway.Route, _ *wssec.Policy) {
			r.OtherHeaders = wssec.PassHeaders
		}},
	} {
		w := newAddressed(t, options...)
		n := 0 // messages sent
		for space, code := range map[string]string{
			soap.NSAddressing: "OnlyAnonymousAddressSupported", soap.NSAddressing04: "InvalidMessageInformationHeader",
		} {
			for _, v := range []soap.Version{soap.V11, soap.V12} {
				for _, local := range []string{"ReplyTo", "FaultTo"} {
					r, req := w.send(v, wsaAction(space, requestAction)+wsaBlock(space, "MessageID", "urn:m")+
						wsaReference(space, local, third.URL))
					f := w.openFault(r, req)
					if got := faultCodes(f); !strings.HasSuffix(got, code) || f.Subcode.Space != space || r.StatusCode != 500 {
						t.Errorf("%s, %s to elsewhere: %d %s", name, local, r.StatusCode, got)
					}
					if n++; w.code(n) != "reply-to-elsewhere" {
						t.Errorf("%s, %s: code %s", name, local, w.code(n))
					}
				}
			}
		}
		if w.calls() != 0 || elsewhere.Load() != 0 {
			t.Errorf("%s: %d calls of the backend, %d of a third party", name, w.calls(), elsewhere.Load())
		}
	}
}

// The attack: an endpoint that is for another role, which the backend may act in,
// or for next to it; and From, which the submission lets replies go to.
func TestReplyEndpointsElsewhereAreRefusedInAllRoles(t *testing.T) {
	t.Parallel()
	const elsewhere = "http://elsewhere.example.com/"
	inRole := func(block string) string {
		return strings.Replace(block, " xmlns:w=", ` s:role="urn:ledger" xmlns:w=`, 1)
	}
	for name, o := range map[string]option{
		"signed": func(*gateway.Config, *gateway.Route, *wssec.Policy) {},
		"unsigned": func(_ *gateway.Config, r *gateway.Route, p *wssec.Policy) {
			p.SignedParts.Headers, r.OtherHeaders = nil, wssec.PassHeaders
		},
		"of a role that the route names": func(_ *gateway.Config, r *gateway.Route, p *wssec.Policy) {
			p.SignedParts.Headers, r.ForwardActors = nil, []string{"urn:ledger"}
		},
		"terminated": terminating,
	} {
		for blocks, code := range map[string]string{
			inRole(wsaReference(soap.NSAddressing, "ReplyTo", elsewhere)):   "reply-to-elsewhere",
			inRole(wsaReference(soap.NSAddressing04, "FaultTo", elsewhere)): "reply-to-elsewhere",
			inRole(wsaBlock(soap.NSAddressing, "ReplyTo", "")):              "addressing-invalid",
			wsaReference(soap.NSAddressing04, "From", elsewhere):            "reply-to-elsewhere",
			wsaReference(soap.NSAddressing04, "From", elsewhere) +
				wsaReference(soap.NSAddressing04, "ReplyTo", anonymous(soap.NSAddressing04)): "ok",
			wsaReference(soap.NSAddressing, "From", elsewhere): "ok",
		} {
			w := newAddressed(t, o)
			r, _ := w.send(soap.V12, wsaAction(soap.NSAddressing, requestAction)+blocks)
			if strings.Contains(blocks, soap.NSAddressing04) {
				w.events.reset()
				r, _ = w.send(soap.V12, wsaAction(soap.NSAddressing04, requestAction)+blocks)
			}
			if w.code(1) != code || strings.Contains(w.got, elsewhere) && code != "ok" {
				t.Errorf("%s: %d, code %s, want %s; the backend got %s", name, r.StatusCode, w.code(1), code, w.got)
			}
		}
	}
}

// A backend that knows no WS-Addressing gets no block of it, also where none is
// a property. But nobody claims to understand what WS-Addressing does not define.
func TestTerminateAddressingOfBlocksThatAreNoProperties(t *testing.T) {
	t.Parallel()
	for _, space := range []string{soap.NSAddressing, soap.NSAddressing04} {
		for block, code := range map[string]string{
			wsaBlock(space, "Unheard", "x"): "ok", mandatory(wsaBlock(space, "Unheard", "x")): "header-not-understood",
		} {
			w := newAddressed(t, signingBodyAlone, terminating)
			w.send(soap.V11, block)
			if w.code(1) != code || strings.Contains(w.got, space) {
				t.Errorf("%s: code %s, the backend got %s", block, w.code(1), w.got)
			}
		}
		w := newAddressed(t, terminating)
		if w.send(soap.V11, wsaBlock(space, "Unheard", "x")); strings.Contains(w.got, space) {
			t.Errorf("signed: the backend got %s", w.got)
		}
	}
}

// faultCodes returns subcode and subsubcode.
func faultCodes(f *soap.Fault) string {
	return strings.TrimSuffix(f.Subcode.Local+"/"+f.Subsubcode.Local, "/")
}

// A client that wants no reply, or no fault, is answered as for a one-way
// message; the backend is called all the same.
func TestReplyEndpointsNone(t *testing.T) {
	t.Parallel()
	const none = soap.NSAddressing + "/none"
	const space = soap.NSAddressing
	anon := anonymous(space)
	fault := `<s:Fault><faultcode>s:Server</faultcode><faultstring>no</faultstring></s:Fault>`
	for _, tt := range []struct {
		reply, fault string // addresses; "" for no block
		body         string // of the backend
		status       int
	}{
		{none, "", "", 202}, {none, "", fault, 202}, {none, anon, "", 202}, {none, anon, fault, 500},
		{anon, none, "", 200}, {anon, none, fault, 202}, {"", none, fault, 202}, {"", none, "", 200},
		{anon, "", fault, 500}, {"", "", fault, 500},
	} {
		for _, options := range [][]option{nil, {terminating}, {signingBodyAlone}} {
			w := newAddressed(t, options...)
			w.reply = tt.body
			blocks := wsaAction(space, requestAction)
			if tt.reply != "" {
				blocks += wsaReference(space, "ReplyTo", tt.reply)
			}
			if tt.fault != "" {
				blocks += wsaReference(space, "FaultTo", tt.fault)
			}
			r, _ := w.send(soap.V11, blocks)
			noted := w.event(1)["reply_unwanted"] == true
			if r.StatusCode != tt.status || (len(r.body) == 0) != (tt.status == 202) || w.calls() != 1 ||
				w.code(1) != "ok" || noted != (tt.status == 202) {
				t.Errorf("ReplyTo %q, FaultTo %q: %d, %d octets, %d calls, code %s, noted %v", tt.reply, tt.fault,
					r.StatusCode, len(r.body), w.calls(), w.code(1), noted)
			}
		}
	}
	// Its own faults, too.
	w := newAddressed(t, admit(access.Lists{AllowedPrincipals: []string{"bob@EXAMPLE.COM"}}))
	r, _ := w.send(soap.V11, wsaAction(space, requestAction)+wsaReference(space, "ReplyTo", none))
	if r.StatusCode != 202 || w.calls() != 0 || w.code(1) != "not-authorized" {
		t.Errorf("HTTP %d, %d calls, code %s", r.StatusCode, w.calls(), w.code(1))
	}
}
