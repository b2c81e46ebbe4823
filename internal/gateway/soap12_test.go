package gateway_test

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/wssgate/wssgate/internal/gateway"
	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/soap/xmltext"
	"github.com/wssgate/wssgate/wssec"
)

// collection are the 54 messages of the SOAP Version 1.2 Test Collection (W3C,
// 27 April 2007) that are for an intermediary or a receiver, and what each has to
// come to. The others are about encodings and RPC, which are the backend's
// affair, or about transports.
//
// Node is the gateway's name in the collection: an intermediary B in front of C,
// or C, which it is together with the backend. In blocks and messages R/ stands for
// the namespace of roles and T/ for that of the collection, whose blocks are
// signed. A message that is not well-formed goes as it is, without protection.
var collection = []struct {
	test, node string
	message    string // the blocks, or the whole message
	want       string // "ok" and the texts of responseOk, or the fault and what it names
}{
	{"1", "C", `<t:echoOk s:role="R/next">foo</t:echoOk>`, "ok foo"},
	{"2", "C", `<t:echoOk s:role="T/C">foo</t:echoOk>`, "ok foo"},
	{"3", "C", `<t:echoOk>foo</t:echoOk>`, "ok foo"},
	{"4", "C", `<t:echoOk s:role="R/ultimateReceiver">foo</t:echoOk>`, "ok foo"},
	{"5", "C", `<t:echoOk s:role="T/B">foo</t:echoOk>`, "ok"},
	{"6, to B", "B", `<t:echoOk s:role="T/C">foo</t:echoOk>`, "ok foo"},
	{"6, to C", "C", `<t:echoOk s:role="T/C">foo</t:echoOk>`, "ok foo"},
	{"7, to B", "B", `<t:Ignore s:role="T/B">foo</t:Ignore>`, "ok"},
	{"7, to C", "C", ``, "ok"},
	{"8, to B", "B", `<t:echoOk>foo</t:echoOk><t:Ignore s:role="T/B">foo</t:Ignore>` +
		`<t:echoOk s:role="R/none">foo</t:echoOk>`,
		"ok foo"},
	{"8, to C", "C", `<t:echoOk>foo</t:echoOk><t:echoOk s:role="R/none">foo</t:echoOk>`, "ok foo"},
	{"9, to B", "B", `<t:echoOk s:role="R/ultimateReceiver">foo</t:echoOk>`, "ok foo"},
	{"9, to C", "C", `<t:echoOk s:role="R/ultimateReceiver">foo</t:echoOk>`, "ok foo"},
	{"10", "C", `<t:Unknown s:role="R/ultimateReceiver">foo</t:Unknown>`, "ok"},
	{"11", "C", `<t:Unknown s:role="R/ultimateReceiver" s:mustUnderstand="false">foo</t:Unknown>`, "ok"},
	{"12", "C", `<t:Unknown s:role="R/ultimateReceiver" s:mustUnderstand="1">foo</t:Unknown>`, "MustUnderstand Unknown"},
	{"13", "C", `<t:Unknown s:role="R/ultimateReceiver" s:mustUnderstand="true">foo</t:Unknown>`,
		"MustUnderstand Unknown"},
	{"14", "C", `<t:echoOk s:role="R/ultimateReceiver" s:mustUnderstand="wrong">foo</t:echoOk>`, "Sender"},
	{"15", "C", `<t:Unknown s:role="T/B" s:mustUnderstand="1">foo</t:Unknown>`, "ok"},
	{"16", "C", `<t:Unknown s:role="T/C" s:mustUnderstand="1">foo</t:Unknown>`, "MustUnderstand Unknown"},
	{"17, to B", "B", `<t:Unknown s:role="R/next" s:mustUnderstand="1">foo</t:Unknown>`, "MustUnderstand Unknown"},
	{"18, to B", "B", `<t:echoOk s:role="R/none">foo</t:echoOk>`, "ok"},
	{"18, to C", "C", `<t:echoOk s:role="R/none">foo</t:echoOk>`, "ok"},
	{"19", "C", `<t:echoOk s:role="R/none" s:mustUnderstand="true">foo</t:echoOk>`, "ok"},
	{"20", "C", `<t:Unknown s:mustUnderstand="1" s:role="T/B">foo</t:Unknown>` +
		`<t:echoOk s:mustUnderstand="1" s:role="T/C">foo</t:echoOk>`, "ok foo"},
	{"21, to B", "B", `<t:Unknown s:mustUnderstand="1" s:role="T/B">foo</t:Unknown>` +
		`<t:echoOk s:mustUnderstand="1" s:role="T/C">foo</t:echoOk>`, "MustUnderstand Unknown"},
	{"22", "C", `<t:echoOk s:mustUnderstand = "1">foo</t:echoOk>`, "ok foo"},
	{"23", "C", `<t:Unknown s:mustUnderstand="1">foo</t:Unknown><t:echoOk s:mustUnderstand="wrong">foo</t:echoOk>`,
		"Sender"},
	{"24", "C", `<s:Envelope xmlns:s="http://wrong-version/"><s:Body/></s:Envelope>`, "VersionMismatch Upgrade"},
	{"25", "C", `<!DOCTYPE s:Envelope SYSTEM "env.dtd"[]><s:Envelope xmlns:s="S"><s:Body/></s:Envelope>`, "Sender"},
	// Part 1 §5: a receiver should refuse processing instructions. The collection
	// expects that they are ignored; no digest covers what follows from them.
	{"26", "C", `<s:Envelope xmlns:s="S"><?xml-stylesheet href="sub.xsl"?><s:Body/></s:Envelope>`, "Sender"},
	{"29", "C", `<t:echoOk s:role="T/C` + strings.Repeat("z", 1000) + `">foo</t:echoOk>`, "ok"},
	// Its receiver knows SOAP 1.2 alone. This one knows SOAP 1.1, but not as
	// application/soap+xml.
	{"30", "C", `<s:Envelope xmlns:s="` + soap.NS11 + `"><s:Body/></s:Envelope>`, "Sender"},
	{"31", "C", `<s:Envelope xmlns:s="S"><s:Body><t:returnVoid xmlns:t="T/"/></s:Body></s:Envelope>`, "ok"},
	{"32", "C", `<t:requiredHeader s:mustUnderstand="true">foo</t:requiredHeader>`, "ok"},
	{"33", "C", `<s:Envelope xmlns:s="S"><s:Body><t:DoesNotExist xmlns:t="T/"/></s:Body></s:Envelope>`, "Sender"},
	{"34", "C", `<t:Unknown xmlns:v="` + soap.NS11 + `" v:mustUnderstand="true">foo</t:Unknown>`, "ok"},
	{"35", "C", `<t:Unknown s:mustUnderstand="1">foo</t:Unknown>`, "MustUnderstand Unknown"},
	{"36", "C", `<t:Unknown s:mustUnderstand="1" s:role="R/ultimateReceiver">foo</t:Unknown>`, "MustUnderstand Unknown"},
	{"37", "C", `<t:Unknown s:role="R/ultimateReceiver">foo</t:Unknown>`, "ok"},
	{"38.1", "C", `<t:Unknown s:mustUnderstand="false" s:role="T/B">foo</t:Unknown>` +
		`<t:echoOk s:mustUnderstand="0" s:role="T/C">foo</t:echoOk>`, "ok foo"},
	{"38.2", "C", `<t:echoOk s:mustUnderstand="true" s:role="T/C">foo</t:echoOk>` +
		`<t:echoOk s:mustUnderstand="1" s:role="T/C">bar</t:echoOk>`, "ok foo bar"},
	{"39", "C", `<t:Unknown s:mustUnderstand="9">foo</t:Unknown>`, "Sender"},
	{"40", "C", `<u:Unknown xmlns:u="http://[FEDC:BA98:7654:3210:FEDC:BA98:7654:3210]/ts-tests" ` +
		`s:role="R/ultimateReceiver" s:mustUnderstand="false">foo</u:Unknown>`, "ok"},
	// B is to join the arguments, which is no function of the gateway.
	{"62, to B", "B", `<t:concatAndForwardEchoOk s:role="T/B" s:mustUnderstand="1"/>` +
		`<t:concatAndForwardEchoOkArg1 s:role="T/B" s:mustUnderstand="1">StringA</t:concatAndForwardEchoOkArg1>`,
		"MustUnderstand concatAndForwardEchoOk"},
	{"62, to C", "C", `<t:echoOk s:role="T/C" s:mustUnderstand="1">StringAStringB</t:echoOk>`, "ok StringAStringB"},
	{"63", "C", `<t:validateCountryCode s:role="T/C" s:mustUnderstand="1">ABCD</t:validateCountryCode>`,
		"Sender"},
	{"66", "C", `<?xml version='1.0' encoding='UTF8'?><t:echoOk s:role="R/next">foo</t:echoOk>`, "ok foo"},
	{"67", "C", `<?xml version='1.0' standalone='yes'?><t:echoOk s:role="R/next">foo</t:echoOk>`, "ok foo"},
	{"68", "C", "<t:echoOk s:role=\"R/next\"\n  >foo</t:echoOk>", "ok foo"},
	{"69", "C", `<s:Envelope xmlns:s="S"><s:Header><a xmlns="T"/></s:Header></s:Envelope>`, "Sender"},
	{"74", "C", `<t:echoOk s:role="R/next">foo</t:echoOk>` +
		`<t:Unknown><t:raiseFault s:mustUnderstand="1" s:role="R/next"/></t:Unknown>`, "ok foo"},
	{"75", "C", `<t:echoResolvedRef s:role="R/next" s:mustUnderstand="1"><t:RelativeReference ` +
		`xml:base="http://example.org/today/" x:href="new.xml" xmlns:x="http://www.w3.org/1999/xlink"/>` +
		`</t:echoResolvedRef>`, "ok"},
	{"78", "C", `<t:echoOk s:role="R/ultimateReceiver">foo</t:echoOk>`, "ok foo"},
}

const nsCollection = "http://example.org/ts-tests"

// TestW3CTestCollection sends each message of the collection through a route
// whose policy signs its header blocks, to a backend that is node C.
func TestW3CTestCollection(t *testing.T) {
	t.Parallel()
	if len(collection) != 54 {
		t.Errorf("%d messages", len(collection))
	}
	worlds := map[string]*world{"B": newNode(t, "B"), "C": newNode(t, "C")}
	for _, c := range collection {
		if got := worlds[c.node].sendCollected(c.message); got != c.want {
			t.Errorf("T%s to %s: %s, want %s\n%s", c.test, c.node, got, c.want, c.message)
		}
	}
}

// newNode makes a world whose gateway acts as a node of the collection.
func newNode(t *testing.T, name string) *world {
	w := newWorld(t, func(_ *gateway.Config, r *gateway.Route, p *wssec.Policy) {
		p.Actors = []string{nsCollection + "/" + name}
		p.SignedParts.Headers = append(p.SignedParts.Headers, "{"+nsCollection+"}*", "{"+soap.NS12+"}*")
		for _, known := range []string{"echoOk", "requiredHeader", "validateCountryCode", "echoResolvedRef"} {
			r.UnderstoodHeaders = append(r.UnderstoodHeaders, "{"+nsCollection+"}"+known)
		}
	})
	w.backend = nodeC
	return w
}

// sendCollected sends a message and returns what came back in the form of
// collection.
func (w *world) sendCollected(message string) string {
	w.t.Helper()
	declaration, rest := "", message
	if strings.HasPrefix(message, "<?xml ") {
		end := strings.Index(message, "?>") + 2
		declaration, rest = message[:end], message[end:]
	}
	if !strings.Contains(rest, "Envelope") {
		rest = `<s:Envelope xmlns:s="S" xmlns:t="T"><s:Header>` + rest + `</s:Header><s:Body> </s:Body></s:Envelope>`
	}
	rest = strings.NewReplacer(`"S"`, `"`+soap.NS12+`"`, `"T"`, `"`+nsCollection+`"`, `"T/"`, `"`+nsCollection+`"`,
		`"T/`, `"`+nsCollection+`/`, `"R/`, `"`+soap.NS12+`/role/`).Replace(rest)
	env, err := soap.Parse([]byte(rest), xmltext.Options{})
	if err != nil || env.Version != soap.V12 {
		r := w.post(soap.V12, strings.NewReader(declaration+rest))
		env, err = soap.Parse(r.body, xmltext.Options{})
		w.must(err)
		return collected(env)
	}
	protected, req := w.protectAs("alice", rest)
	r := w.post(soap.V12, bytes.NewReader(append([]byte(declaration), protected...)))
	env, err = soap.Parse(r.body, xmltext.Options{})
	w.must(err)
	msg, err := w.client.VerifyReply(w.t.Context(), env, req, wssec.Channel{})
	if err != nil {
		w.t.Fatalf("reply does not verify: %v\n%s", err, r.body)
	}
	return collected(msg.Envelope())
}

// collected describes a reply in the form of collection.
func collected(env *soap.Envelope) string {
	words := []string{"ok"}
	fault, isFault := env.Fault()
	if isFault {
		words[0] = [...]string{"Sender", "Receiver", "VersionMismatch", "MustUnderstand"}[fault.Code]
	}
	for b := range env.Blocks() {
		qname, _ := b.Attr("", "qname")
		_, local, _ := strings.Cut(qname, ":")
		switch {
		case b.Is(soap.NS12, "NotUnderstood"):
			words = append(words, local)
		case b.Is(soap.NS12, "Upgrade"):
			words = append(words, "Upgrade")
		case b.Is(nsCollection, "responseOk"):
			words = append(words, strings.TrimSpace(b.Text()))
		}
	}
	return strings.Join(words, " ")
}

// nodeC is the ultimate receiver of the collection, as it was written down
// there: it acts in the roles next and C too.
func nodeC(w http.ResponseWriter, r *http.Request) {
	src, _ := io.ReadAll(r.Body)
	env, err := soap.Parse(src, xmltext.Options{})
	if err != nil {
		http.Error(w, err.Error(), http.StatusTeapot)
		return
	}
	var fault *soap.Fault
	header := ""
	for b := range env.Blocks() {
		must, _ := env.MustUnderstand(b)
		switch {
		case !env.IsFor(b, nsCollection+"/C"):
		case b.Is(nsCollection, "echoOk"):
			header += `<t:responseOk xmlns:t="` + nsCollection + `">` + b.Text() + `</t:responseOk>`
		case b.Is(nsCollection, "validateCountryCode"):
			fault = &soap.Fault{Reason: "Not a valid country code"}
		case must && b.Local() == "Unknown":
			fault = &soap.Fault{Code: soap.MustUnderstandFault, NotUnderstood: []xmltext.Name{b.Name()}}
		}
	}
	if n := env.Body.FirstChild(); !n.IsZero() && n.Is(nsCollection, "DoesNotExist") {
		fault = &soap.Fault{Subcode: xmltext.Name{Space: "http://www.w3.org/2003/05/soap-rpc",
			Local: "ProcedureNotPresent"}}
	}
	w.Header().Set("Content-Type", env.Version.ContentType())
	if fault != nil {
		w.WriteHeader(http.StatusInternalServerError)
		_, _ = w.Write(fault.AppendEnvelope(nil, env.Version))
		return
	}
	_, _ = io.WriteString(w, `<s:Envelope xmlns:s="`+env.Version.Namespace()+`"><s:Header>`+header+
		`</s:Header><s:Body> </s:Body></s:Envelope>`)
}
