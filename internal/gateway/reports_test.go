package gateway_test

import (
	"bytes"
	"encoding/binary"
	"net/http"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/wssgate/wssgate/internal/gateway"
	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/soap/soaphttp"
	"github.com/wssgate/wssgate/wssec"
)

// What other programs were reported to send, answer and stumble over. The names
// are those of the reports at GitHub; docs/interop.md has the list.

const (
	bom       = "\xef\xbb\xbf"
	media11   = "Content-Type: text/xml"
	media12   = "Content-Type: application/soap+xml"
	nsNoneWCF = "http://schemas.microsoft.com/ws/2005/05/addressing/none"
)

// inUTF16 returns a message as WCF's text encoder writes it with
// writeEncoding="utf-16".
func inUTF16(message []byte) []byte {
	out := []byte{0xff, 0xfe}
	for _, unit := range utf16.Encode([]rune(string(message))) {
		out = binary.LittleEndian.AppendUint16(out, unit)
	}
	return out
}

func behind(prefix string) func([]byte) []byte {
	return func(message []byte) []byte { return append([]byte(prefix), message...) }
}

// newActionWorld makes a world whose backend remembers the action that it was
// called with, as it stands in HTTP.
func newActionWorld(t *testing.T) (w *world, action *string) {
	w, action = newWorld(t), new(string)
	w.backend = func(rw http.ResponseWriter, r *http.Request) {
		m, err := soaphttp.MediaOf(r.Header)
		if *action = m.Action; err != nil || r.ContentLength <= 0 {
			t.Errorf("backend: %v, Content-Length %d", err, r.ContentLength)
		}
		echo(rw, r)
	}
	return w, action
}

func TestClientsOfOthersAreServed(t *testing.T) {
	t.Parallel()
	const space = soap.NSAddressing
	answers := wsaAction(space, "urn:ask") + wsaReference(space, "ReplyTo", anonymous(space))
	for _, tt := range []struct {
		report string
		header []string // media type first
		blocks string
		change func([]byte) []byte
		action string // for the backend
	}{
		{"zeep 211: charset without a dash", []string{media12 + `;charset=UTF8;action="urn:ask"`}, "", nil, "urn:ask"},
		{"zeep 211: SOAPAction in SOAP 1.2", []string{media12 + `; charset=utf-8`, `SOAPAction: "urn:ask"`}, "", nil, ""},
		{"node-soap 775: both", []string{media12 + `; action="urn:ask"`, `SOAPAction: urn:b`}, "", nil, "urn:ask"},
		{"metro-jax-ws 386: both, one empty",
			[]string{media12 + `;charset="utf-8";action="urn:ask"`, `SOAPAction: ""`}, "", nil, "urn:ask"},
		{"groovy-wslite 15: charset in quotes", []string{media11 + `;charset="utf-8"`}, "", nil, `""`},
		{"node-soap 102: SOAPAction without quotes", []string{media11, "SOAPAction: urn:ask"}, "", nil, "urn:ask"},
		{"metro-jax-ws 154: empty SOAPAction", []string{media11, "SOAPAction: "}, "", nil, `""`},
		{"the same beside wsa:Action", []string{media11, "SOAPAction: "}, wsaAction(space, "urn:ask"), nil, `"urn:ask"`},
		{"the same without quotes", []string{media11, "SOAPAction: urn:ask"}, wsaAction(space, "urn:ask"), nil, `"urn:ask"`},
		{"a semicolon at the end", []string{media11 + "; charset=utf-8;"}, "", nil, `""`},
		{"spring-ws 543: byte order mark", []string{media11}, "", behind(bom), `""`},
		{"metro-saaj 79: mark and declaration", []string{media12 + `; charset="utf-8"`}, "",
			behind(bom + `<?xml version='1.0' encoding='UTF-8'?>` + "\r\n"), ""},
		{"UTF-16 with a mark", []string{media11 + "; charset=utf-16"}, "", inUTF16, `""`},
		{"US-ASCII", []string{media11 + "; charset=US-ASCII"}, "", nil, `""`},
		{"spring-ws 1848: no MessageID", []string{media11}, answers, nil, `"urn:ask"`},
		{"an address on a line of its own", []string{media11},
			wsaAction(space, "\n  urn:ask\n") + wsaReference(space, "ReplyTo", "\n  "+anonymous(space)+"\n  "), nil,
			`"urn:ask"`},
		{"CoreWCF 433: blocks that are called like those of WS-Addressing", []string{media11},
			wsaBlock("urn:x", "MessageId", "1") + wsaBlock(nsNoneWCF, "To", "a") + wsaBlock(nsNoneWCF, "To", "b"), nil, `""`},
		{"spring-ws pull 115: mandatory ones", []string{media11},
			mandatory(wsaAction(space, "urn:ask") + wsaTo(space, "urn:anybody")), nil, `"urn:ask"`},
	} {
		t.Run(tt.report, func(t *testing.T) {
			w, action := newActionWorld(t)
			v := soap.V11
			if strings.HasPrefix(tt.header[0], media12) {
				v = soap.V12
			}
			msg, req := w.protectAs("alice", withHeader(v, tt.blocks))
			if tt.change != nil {
				msg = tt.change(msg)
			}
			r := w.post(v, bytes.NewReader(msg), tt.header...)
			if r.StatusCode != 200 || *action != tt.action {
				t.Fatalf("HTTP %d, %v; the backend's action %q, want %q", r.StatusCode, w.event(1), *action, tt.action)
			}
			w.open(r, req)
		})
	}
}

// The report's client is refused, and the log says what to change.
func TestClientsOfOthersAreToldWhatIsWrong(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		report string
		header []string
		blocks string
		status int
		code   string
		says   string // the log
	}{
		{"jquery.soap 102: action without quotes",
			[]string{media12 + "; charset=UTF-8; action=http://example.com/ticker"}, "", 415, "media-type",
			`write action="http://example.com/ticker"`},
		{"moco 136: two media types", []string{media11 + ",text/plain; charset=utf-8"}, "", 415, "media-type",
			`Content-Type is "text/xml,text/plain"`},
		{"wcf 4502: a block of WCF's without WS-Addressing", []string{media11},
			mandatory(wsaBlock(nsNoneWCF, "Action", "")), 500, "header-not-understood", "/Envelope/Header/Action"},
		{"wcf 3304: ebXML", []string{media12}, `<m:MessageHeader xmlns:m="urn:m" s:mustUnderstand="1"/>`, 500,
			"header-not-understood", "/Envelope/Header/MessageHeader"},
		{"metro-jax-ws 677: MTOM", []string{`Content-Type: multipart/related; boundary=b; type="application/xop+xml"; ` +
			`start-info="application/soap+xml;action=\"urn:a\""`}, "", 415, "multipart", "application/xop+xml"},
	} {
		w := newWorld(t, func(_ *gateway.Config, r *gateway.Route, _ *wssec.Policy) { r.MTOM = gateway.MTOMRefuse })
		v := soap.V11
		if strings.HasPrefix(tt.header[0], media12) {
			v = soap.V12
		}
		msg, _ := w.protectAs("alice", withHeader(v, tt.blocks))
		r := w.post(v, bytes.NewReader(msg), tt.header...)
		if words, _ := w.event(1)["error"].(string); r.StatusCode != tt.status || w.code(1) != tt.code ||
			!strings.Contains(words, tt.says) || w.calls() != 0 {
			t.Errorf("%s: HTTP %d, %v, %d calls", tt.report, r.StatusCode, w.event(1), w.calls())
		}
	}
}

func TestServicesOfOthersAreUnderstood(t *testing.T) {
	t.Parallel()
	const fault12 = `<s:Fault><s:Code><s:Value>s:Sender</s:Value></s:Code><s:Reason><s:Text xml:lang="en">no</s:Text>` +
		`</s:Reason></s:Fault>`
	const fault11 = `<s:Fault><faultcode>s:Client</faultcode><faultstring>no</faultstring></s:Fault>`
	told := envelope(soap.V11, `<r:Told xmlns:r="urn:r"/>`)
	for _, tt := range []struct {
		report  string
		version soap.Version
		backend http.HandlerFunc
		status  int // for the client
		has     string
	}{
		{"zeep 739: 200 with nothing", soap.V11, answer(200, "", ""), 202, ""},
		{"metro-jax-ws 344: 200, text/plain and nothing", soap.V11, answer(200, "text/plain", ""), 202, ""},
		{"glassfish 4063: 202, text/html and nothing", soap.V11, answer(202, "text/html", ""), 202, ""},
		{"spring-ws 725: a reply to a one-way message, with an empty Body", soap.V11,
			answer(200, "text/xml", envelope(soap.V11, "")), 200, "Body"},
		{"metro-jax-ws 795: a fault under 400", soap.V12, answer(400, soap.V12.ContentType(), envelope(soap.V12, fault12)),
			500, "no"},
		{"savon 151: a fault under 200", soap.V11, answer(200, "text/xml", envelope(soap.V11, fault11)), 500, "no"},
		{"SoapCore 394: byte order mark", soap.V11, answer(200, "text/xml; charset=utf-8", bom+told), 200, "Told"},
		{"groovy-wslite 15: charset in quotes", soap.V11, answer(200, `text/xml;charset="utf-8"`, told), 200, "Told"},
		{"qore 1244: charset without a dash", soap.V12, answer(200, "application/soap+xml;charset=utf8",
			envelope(soap.V12, `<r:Told xmlns:r="urn:r"/>`)), 200, "Told"},
		{"spring-ws 926: a part of MTOM without a package, which WCF refuses too", soap.V11,
			answer(200, `application/xop+xml;type="text/xml"`, told), 500, "The service is not available."},
		{"wcf 4918: MTOM whose envelope is text/xml, which WCF refuses too", soap.V11,
			answer(200, `multipart/related; type="application/xop+xml"; boundary=b; start="<r>"; start-info="text/xml"`,
				"\r\n--b\r\nContent-Type: text/xml; charset=UTF-8\r\nContent-ID: <r>\r\n\r\n"+told+"\r\n--b--"), 500,
			"The service is not available."},
		{"wcf 2919: MTOM for a client that has not sent any", soap.V11,
			answer(200, `multipart/related; type="application/xop+xml"; start="<http://tempuri.org/0>"; boundary="b"; `+
				`start-info="text/xml"`, "\r\n--b\r\nContent-ID: <http://tempuri.org/0>\r\nContent-Transfer-Encoding: 8bit\r\n"+
				"Content-Type: application/xop+xml;charset=utf-8;type=\"text/xml\"\r\n\r\n"+told+"\r\n--b--\r\n"), 200, "Told"},
		{"wcf 2188: no Content-Type, which WCF refuses too", soap.V11, func(w http.ResponseWriter, _ *http.Request) {
			w.Header()["Content-Type"] = nil
			_, _ = w.Write([]byte(told))
		}, 500, "The service is not available."},
	} {
		t.Run(tt.report, func(t *testing.T) {
			w := newWorld(t)
			w.backend = tt.backend
			msg, req := w.protect(tt.version, payload)
			r := w.post(tt.version, bytes.NewReader(msg))
			switch {
			case r.StatusCode != tt.status || w.calls() != 1:
				t.Errorf("HTTP %d, %v", r.StatusCode, w.event(1))
			case tt.has == "" && len(r.body) > 0:
				t.Errorf("not empty: %s", r.body)
			case tt.status == 500 && w.openFault(r, req).Reason != tt.has:
				t.Errorf("another fault: %s", r.body)
			case tt.status == 200 && !strings.Contains(w.open(r, req), tt.has):
				t.Errorf("another reply: %s", r.body)
			}
		})
	}
}
