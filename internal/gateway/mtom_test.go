package gateway_test

import (
	"bytes"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/wssgate/wssgate/internal/base64"
	"github.com/wssgate/wssgate/internal/gateway"
	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/soap/mtom"
	"github.com/wssgate/wssgate/soap/xmltext"
	"github.com/wssgate/wssgate/wssec"
)

// withMTOM returns an option for the route's rule about packages.
func withMTOM(rule gateway.MTOM) option {
	return func(_ *gateway.Config, r *gateway.Route, _ *wssec.Policy) { r.MTOM = rule }
}

// signOnly leaves the Body in clear, so that a package has its parts there.
func signOnly(_ *gateway.Config, _ *gateway.Route, p *wssec.Policy) {
	p.EncryptedParts, p.EncryptSignature = wssec.Parts{}, false
}

// file is a payload with a file that becomes a part.
func file(octet byte) string {
	return `<q:File xmlns:q="urn:q"><q:content>` +
		string(base64.AppendEncode(nil, bytes.Repeat([]byte{octet, 0, '\r', '\n'}, 1000))) + `</q:content></q:File>`
}

// pack returns a message as a package.
func (w *world) pack(v soap.Version, message []byte) (body []byte, contentType string) {
	w.t.Helper()
	body, contentType, err := mtom.Append(nil, message, mtom.Form{Version: v}, xmltext.Options{})
	w.must(err)
	return body, "Content-Type: " + contentType
}

// unpack returns the envelope of a package.
func (w *world) unpack(r httpReply) httpReply {
	w.t.Helper()
	typ, err := mtom.ParseType(r.Header.Get("Content-Type"))
	w.must(err)
	if r.body, err = mtom.Inline(r.body, typ, xmltext.Options{}); err != nil {
		w.t.Fatal(err)
	}
	return r
}

// The digest covers the octets of an attachment as base64, the backend gets them
// so, or as an attachment again, and so does the client with the reply.
func TestReceiveTakesAPackage(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		options []option
		v       soap.Version
		keeps   bool
	}{
		"encrypted":           {nil, soap.V11, false},
		"signed":              {[]option{signOnly}, soap.V12, false},
		"encrypted, and kept": {[]option{withMTOM(gateway.MTOMKeep)}, soap.V12, true},
		"signed, and kept":    {[]option{withMTOM(gateway.MTOMKeep), signOnly}, soap.V11, true},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, c.options...)
			var contentType string
			var got []byte
			w.backend = func(rw http.ResponseWriter, r *http.Request) {
				contentType = r.Header.Get("Content-Type")
				got, _ = io.ReadAll(r.Body)
				answer(200, c.v.ContentType(), envelope(c.v, file(2)))(rw, r)
			}
			msg, req := w.protect(c.v, file(1))
			body, header := w.pack(c.v, msg)
			r := w.post(c.v, bytes.NewReader(body), header)
			kept := strings.HasPrefix(r.Header.Get("Content-Type"), "multipart/related")
			if forwarded := strings.HasPrefix(contentType, "multipart/related"); kept != c.keeps || forwarded != c.keeps {
				t.Fatalf("HTTP %d, forwarded as %s, answered as %s, %v", r.StatusCode, contentType, r.Header, w.event(1))
			}
			if w.event(1)["mtom"] != true {
				t.Errorf("event %v", w.event(1))
			}
			if kept {
				r = w.unpack(r)
				typ, err := mtom.ParseType(contentType)
				w.must(err)
				if bytes.Count(got, []byte("application/octet-stream")) != 1 {
					t.Errorf("no attachment: %.500s", got)
				}
				got, err = mtom.Inline(got, typ, xmltext.Options{})
				w.must(err)
			}
			if _, content, _ := strings.Cut(file(1), "<q:content>"); !bytes.Contains(got, []byte(content)) {
				t.Errorf("the backend got %.300s", got)
			}
			if _, content, _ := strings.Cut(file(2), "<q:content>"); !strings.Contains(w.open(r, req), content) {
				t.Errorf("the client got %.300s", r.body)
			}
		})
	}
}

// WCF writes every long base64 text of a message as an attachment, those of the
// Security header too: token, signature, ciphertext.
func TestPackagesMayHoldTheTokenAndTheSignature(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	msg, req := w.protect(soap.V12, file(1))
	texts := regexp.MustCompile(`<(wsse:BinarySecurityToken|\w+:CipherValue|wsc:Nonce)( [^>]*)?>([^<]+)</`)
	var parts bytes.Buffer
	n := 0
	msg = texts.ReplaceAllFunc(msg, func(b []byte) []byte {
		m := texts.FindSubmatch(b)
		octets, err := base64.AppendDecode(nil, m[3])
		w.must(err)
		n++
		fmt.Fprintf(&parts, "\r\n--b\r\nContent-ID: <http://tempuri.org/%d/6>\r\nContent-Transfer-Encoding: binary\r\n\r\n%s",
			n, octets)
		return fmt.Appendf(nil, `<%s%s><xop:Include href="cid:http%%3A%%2F%%2Ftempuri.org%%2F%d%%2F6" xmlns:xop="%s"/></`,
			m[1], m[2], n, mtom.NSXOP)
	})
	if n < 4 {
		t.Fatalf("%d attachments", n)
	}
	body := "\r\n--b\r\nContent-ID: <http://tempuri.org/0>\r\nContent-Transfer-Encoding: 8bit\r\n" +
		"Content-Type: application/xop+xml;charset=utf-8;type=\"application/soap+xml\"\r\n\r\n" + string(msg) +
		parts.String() + "\r\n--b--\r\n"
	r := w.post(soap.V12, strings.NewReader(body), `Content-Type: multipart/related; type="application/xop+xml";`+
		`start="<http://tempuri.org/0>";boundary="b";start-info="application/soap+xml"; action="urn:a"`)
	if reply := w.open(r, req); w.code(1) != "ok" || !strings.Contains(reply, "<q:content>") {
		t.Errorf("%v, the client got %.300s", w.event(1), reply)
	}
}

// A client that sends no package gets none, and its message is forwarded in
// none, whatever the backend answers.
func TestForwardReadsAPackageOfTheBackend(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withMTOM(gateway.MTOMKeep))
	body, header := w.pack(soap.V11, []byte(envelope(soap.V11, file(3))))
	w.backend = func(rw http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Content-Type") != soap.V11.ContentType() {
			t.Errorf("forwarded as %v", r.Header)
		}
		answer(200, strings.TrimPrefix(header, "Content-Type: "), string(body))(rw, r)
	}
	if r, req := w.call(); !strings.Contains(w.open(r, req), file(3)) {
		t.Errorf("the client got %.300s", r.body)
	}
}

// What is wrong with a backend's package is the backend's, and the client gets
// nothing of it.
func TestForwardRefusesABackendsPackage(t *testing.T) {
	t.Parallel()
	good := func() (string, string) {
		w := &world{t: t}
		body, header := w.pack(soap.V11, []byte(envelope(soap.V11, file(3)+file(4))))
		return string(body), strings.TrimPrefix(header, "Content-Type: ")
	}
	body, contentType := good()
	for name, c := range map[string]struct {
		contentType, body, code string
		options                 []option
	}{
		"unclosed":      {contentType, strings.TrimSuffix(body, "--\r\n"), "backend-not-soap", nil},
		"no such start": {strings.Replace(contentType, `start="<0`, `start="<9`, 1), body, "backend-not-soap", nil},
		"too large inline": {contentType, body, "backend-too-large", []option{
			func(c *gateway.Config, _ *gateway.Route, _ *wssec.Policy) { c.MaxMessage = 10 << 10 }}},
		"refused": {contentType, body, "backend-not-soap", []option{withMTOM(gateway.MTOMRefuse)}},
		"SwA":     {`multipart/related; type="text/xml"; boundary=b`, "--b--", "backend-not-soap", nil},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, c.options...)
			w.backend = answer(200, c.contentType, c.body)
			r, req := w.call()
			if f := w.openFault(r, req); f.Reason != "The service is not available." || w.code(1) != c.code {
				t.Errorf("fault %+v, %v", f, w.event(1))
			}
		})
	}
}

// repack changes a package: its envelope and the octets of its attachments.
func (w *world) repack(body []byte, header string, edit packageEdit) []byte {
	w.t.Helper()
	_, params, err := mime.ParseMediaType(strings.TrimPrefix(header, "Content-Type: "))
	w.must(err)
	var parts [][]byte
	var names []string
	for r := multipart.NewReader(bytes.NewReader(body), params["boundary"]); ; {
		p, err := r.NextPart()
		if err == io.EOF {
			break
		}
		w.must(err)
		b, err := io.ReadAll(p)
		w.must(err)
		parts, names = append(parts, b), append(names, p.Header.Get("Content-ID"))
	}
	envelope, files := edit(string(parts[0]), parts[1:])
	var out bytes.Buffer
	for i, b := range append([][]byte{[]byte(envelope)}, files...) {
		out.WriteString("\r\n--" + params["boundary"] + "\r\nContent-Type: application/xop+xml\r\nContent-ID: " + names[i] +
			"\r\n\r\n")
		out.Write(b)
	}
	out.WriteString("\r\n--" + params["boundary"] + "--")
	return out.Bytes()
}

type packageEdit func(envelope string, files [][]byte) (string, [][]byte)

// An attacker between client and gateway exchanges what no digest seems to
// cover. Nothing of it reaches the backend.
func TestPackagesThatWereChangedAreRefused(t *testing.T) {
	t.Parallel()
	same := func(e string, f [][]byte) (string, [][]byte) { return e, f }
	for name, c := range map[string]struct {
		edit   packageEdit
		status int
		code   string
	}{
		"unchanged": {same, 200, "ok"},
		"another file": {func(e string, f [][]byte) (string, [][]byte) { return e, [][]byte{[]byte("stolen")} }, 500,
			"digest-invalid"},
		"one octet of the file": {func(e string, f [][]byte) (string, [][]byte) { f[0][7] ^= 1; return e, f }, 500,
			"digest-invalid"},
		"the file inline, with a line end": {func(e string, f [][]byte) (string, [][]byte) {
			from := strings.Index(e, "<xop:Include")
			to := from + strings.Index(e[from:], "/>") + 2
			return e[:from] + string(base64.AppendEncode(nil, f[0])) + "\n" + e[to:], nil
		}, 500, "digest-invalid"},
		"no file": {func(e string, f [][]byte) (string, [][]byte) { return e, nil }, 400, "mtom-include"},
		"a second reference": {func(e string, f [][]byte) (string, [][]byte) {
			from := strings.Index(e, "<xop:Include")
			to := from + strings.Index(e[from:], "/>") + 2
			return strings.Replace(e, "<s:Body", "<s:Header><h:h xmlns:h='urn:h'>"+e[from:to]+"</h:h></s:Header><s:Body",
				1), f
		}, 400, "mtom-include"},
		"a file on the network": {func(e string, f [][]byte) (string, [][]byte) {
			return strings.Replace(e, `href="cid:`, `href="http://169.254.169.254/`, 1), f
		}, 400, "mtom-include"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, signOnly)
			msg, req := w.protect(soap.V11, file(1))
			body, header := w.pack(soap.V11, msg)
			r := w.post(soap.V11, bytes.NewReader(w.repack(body, header, c.edit)), header)
			if r.StatusCode != c.status || w.code(1) != c.code || (w.calls() == 1) != (c.status == 200) {
				t.Fatalf("HTTP %d, %v, %d calls", r.StatusCode, w.event(1), w.calls())
			}
			if c.status == 200 {
				w.open(r, req)
			}
		})
	}
}

// CXF's streaming client encrypts the name of an attachment and not the
// attachment. Such a message is refused for the attachment, and for the name if
// an attacker takes the attachment away.
func TestNamesOfAttachmentsInPlaintextAreRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	name := `<q:content xmlns:q="urn:q"><x:Include xmlns:x="` + mtom.NSXOP + `" href="cid:a"/></q:content>`
	msg, req := w.protect(soap.V11, name)
	body, header := w.pack(soap.V11, msg)
	r := w.post(soap.V11, bytes.NewReader(body), header)
	f := w.openFault(r, req)
	if !strings.Contains(f.Reason, "attachments") || w.code(1) != "mtom-include" || w.calls() != 0 {
		t.Errorf("fault %+v, %v, %d calls", f, w.event(1), w.calls())
	}
	msg, _ = w.protect(soap.V11, name)
	body, header = w.pack(soap.V11, msg)
	_, boundary, _ := strings.Cut(header, `boundary="`)
	boundary, _, _ = strings.Cut(boundary, `"`)
	end := "\r\n--" + boundary + "--\r\n"
	body = append(bytes.TrimSuffix(body, []byte(end)), "\r\n--"+boundary+"\r\nContent-ID: <a>\r\n\r\nin clear"+end...)
	r = w.post(soap.V11, bytes.NewReader(body), header)
	if r.StatusCode != 400 || w.code(2) != "mtom-include" || w.calls() != 0 {
		t.Errorf("HTTP %d, %v, %d calls", r.StatusCode, w.event(2), w.calls())
	}
}

// An xop:Include of a message that is in no package is an element like any
// other, and no name in a package of ours.
func TestPackagesAreMadeOfNoForeignIncludes(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withMTOM(gateway.MTOMKeep))
	w.backend = answer(200, soap.V11.ContentType(),
		envelope(soap.V11, `<a><x:Include xmlns:x="`+mtom.NSXOP+`" href="cid:1"/></a>`))
	msg, req := w.protect(soap.V11, file(1))
	body, header := w.pack(soap.V11, msg)
	r := w.unpack(w.post(soap.V11, bytes.NewReader(body), header))
	if reply := w.open(r, req); !strings.Contains(reply, "Include") { // encrypted: the package cannot see it
		t.Errorf("the client got %s", reply)
	}
	w = newWorld(t, withMTOM(gateway.MTOMKeep), signOnly)
	w.backend = answer(200, soap.V11.ContentType(),
		envelope(soap.V11, `<a><x:Include xmlns:x="`+mtom.NSXOP+`" href="cid:1"/></a>`))
	msg, req = w.protect(soap.V11, file(1))
	body, header = w.pack(soap.V11, msg)
	r = w.unpack(w.post(soap.V11, bytes.NewReader(body), header))
	if f := w.openFault(r, req); w.code(1) != "reply-not-protected" {
		t.Errorf("fault %+v, %v", f, w.event(1))
	}
}

// The protected form of a reply may be larger than max-message.
func TestPackagesOfRepliesHaveNoLimitOfTheirOwn(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withMTOM(gateway.MTOMKeep),
		func(c *gateway.Config, _ *gateway.Route, _ *wssec.Policy) { c.MaxMessage = 20 << 10 })
	big := `<q:f xmlns:q="urn:q">` + strings.Repeat("x", 19<<10) + `</q:f>`
	w.backend = answer(200, soap.V11.ContentType(), envelope(soap.V11, big))
	msg, req := w.protect(soap.V11, payload)
	body, header := w.pack(soap.V11, msg)
	r := w.post(soap.V11, bytes.NewReader(body), header)
	if reply := w.open(w.unpack(r), req); !strings.Contains(reply, "xxxx") {
		t.Errorf("%v, the client got %.300s", w.event(1), reply)
	}
}

// What a package takes counts in the budget while it is there, and no longer.
func TestPackagesCountInTheBudget(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withMTOM(gateway.MTOMKeep), signOnly,
		func(c *gateway.Config, _ *gateway.Route, _ *wssec.Policy) { c.MaxMessage, c.MaxInFlight = 1<<20, 1<<20 })
	big := `<q:f xmlns:q="urn:q">` + string(base64.AppendEncode(nil, make([]byte, 450<<10))) + `</q:f>`
	msg, _ := w.protect(soap.V11, big)
	body, header := w.pack(soap.V11, msg)
	r := w.post(soap.V11, bytes.NewReader(body), header)
	if r.StatusCode != 503 || w.code(1) != "overloaded" || w.calls() != 0 {
		t.Errorf("HTTP %d, %v, %d calls", r.StatusCode, w.event(1), w.calls())
	}
	for range 20 {
		msg, req := w.protect(soap.V11, file(1))
		body, header := w.pack(soap.V11, msg)
		w.open(w.unpack(w.post(soap.V11, bytes.NewReader(body), header)), req)
	}
}
