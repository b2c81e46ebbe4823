package mtom

import (
	"bytes"
	"io"
	"mime/multipart"
	"strings"
	"testing"

	"github.com/wssgate/wssgate/soap/xmltext"
)

// sameParts fails if a second reader, which is not strict, sees other parts in a
// body that was accepted.
func sameParts(t *testing.T, body []byte, boundary string) {
	t.Helper()
	s := splitter{rest: body, mark: []byte("\n--" + boundary), reserve: func(int) error { return nil }}
	parts, err := s.split()
	if err != nil {
		t.Fatal(err)
	}
	r := multipart.NewReader(bytes.NewReader(body), boundary)
	for i, p := range parts {
		other, err := r.NextRawPart()
		if err != nil {
			t.Fatalf("part %d: %v", i+1, err)
		}
		octets, err := io.ReadAll(other)
		if err != nil || !bytes.Equal(octets, p.octets) {
			t.Fatalf("part %d is %q, to another reader %q, %v", i+1, p.octets, octets, err)
		}
		if id := strings.Trim(other.Header.Get("Content-ID"), "<>"); id != p.id {
			t.Fatalf("part %d is named %q, to another reader %q", i+1, p.id, id)
		}
	}
	if _, err := r.NextRawPart(); err != io.EOF {
		t.Fatalf("another reader sees more than %d parts: %v", len(parts), err)
	}
}

// What is accepted is written back as a package of the same infoset; the memory
// is bounded by the message and what is reserved is what is held.
func FuzzInline(f *testing.F) {
	contentType := []byte(`multipart/related; boundary=b; type="application/xop+xml"; ` +
		`start="<root>"; start-info="text/xml"`)
	f.Add(contentType, simple("", ""))
	f.Add(contentType, simple("binary\n\nhello", "base64\n\naGVsbG8="))
	f.Add(contentType, simple("binary\n\nhello", "quoted-printable\n\na=3Db"))
	f.Add([]byte(cxfType), []byte("\r\n--uuid:7aa37bca-014c-458d-adce-a6b1fcfb5317--"))
	const limit = 64 << 10
	f.Fuzz(func(t *testing.T, contentType, body []byte) {
		typ, err := ParseType(string(contentType))
		if err != nil {
			return
		}
		held, most := 0, 0
		opt := xmltext.Options{Limits: xmltext.Limits{MessageBytes: limit}}
		opt.Reserve = func(n int) error {
			held += n
			most = max(most, held)
			return nil
		}
		got, err := Inline(body, typ, opt)
		if held != len(got) || len(got) > limit {
			t.Fatalf("%d octets are reserved for %d", held, len(got))
		}
		bound := limit + 6*len(body) + MaxParts*partMemory + xmltext.IndexBound(2*len(body))
		if most > bound {
			t.Fatalf("%d octets for a body of %d", most, len(body))
		}
		if err != nil {
			return
		}
		sameParts(t, body, typ.Boundary)
		again, contentType2, err := Append(nil, got, Form{Version: typ.Version}, xmltext.Options{})
		if err != nil {
			t.Fatalf("cannot be written: %v", err)
		}
		typ2, err := ParseType(contentType2)
		if err != nil {
			t.Fatal(err)
		}
		back, err := Inline(again, typ2, xmltext.Options{})
		if err != nil || !bytes.Equal(back, got) {
			t.Fatalf("written and read again it differs: %v\n%q\n%q", err, got, back)
		}
	})
}
