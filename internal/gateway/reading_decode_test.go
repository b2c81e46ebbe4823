package gateway_test

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/wssgate/wssgate/internal/gateway"
	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/wssec"
)

func compressed(t testing.TB, coding string, plain io.Reader) []byte {
	t.Helper()
	var b bytes.Buffer
	var w io.WriteCloser
	switch coding {
	case "gzip":
		w = gzip.NewWriter(&b)
	case "zlib":
		w = zlib.NewWriter(&b)
	case "flate":
		w, _ = flate.NewWriter(&b, flate.BestCompression)
	}
	if _, err := io.Copy(w, plain); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// encoded is a backend that says that its reply is encoded.
func encoded(body []byte, codings ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header()["Content-Encoding"] = codings
		answer(200, soap.V11.ContentType(), string(body))(w, r)
	}
}

// A backend may compress though nobody has asked it to (RFC 9110 §12.5.3).
func TestReadReplyDecodes(t *testing.T) {
	t.Parallel()
	reply := envelope(soap.V11, `<r:R xmlns:r="urn:r">`+strings.Repeat("worth ", 50_000)+`</r:R>`)
	packed := func(coding string) []byte { return compressed(t, coding, strings.NewReader(reply)) }
	half := len(reply) / 2
	twoMembers := append(compressed(t, "gzip", strings.NewReader(reply[:half])),
		compressed(t, "gzip", strings.NewReader(reply[half:]))...)
	for name, backend := range map[string]http.HandlerFunc{
		"gzip": encoded(packed("gzip"), "gzip"), "GZIP": encoded(packed("gzip"), "GZIP"),
		"x-gzip": encoded(packed("gzip"), "x-gzip"), "two members": encoded(twoMembers, "gzip"),
		"deflate": encoded(packed("zlib"), "deflate"), "deflate without zlib": encoded(packed("flate"), "deflate"),
		"identity": encoded([]byte(reply), "identity"),
	} {
		w := newWorld(t)
		w.backend = backend
		r, req := w.call()
		if opened := w.open(r, req); len(opened) < 300_000 || r.Header.Get("Content-Encoding") != "" {
			t.Errorf("%s: %d octets, %v", name, len(opened), r.Header)
		}
	}
}

// What cannot be decoded is the backend's fault, and reaches the client as such.
func TestReadReplyRefusesWhatCannotBeDecoded(t *testing.T) {
	t.Parallel()
	packed := compressed(t, "gzip", strings.NewReader(envelope(soap.V11, "<a>"+strings.Repeat("secret", 50)+"</a>")))
	wrongSum := bytes.Clone(packed)
	wrongSum[len(wrongSum)-8] ^= 1
	for name, tt := range map[string]struct {
		backend http.HandlerFunc
		code    string
	}{
		"br":             {encoded(packed, "br"), "backend-not-soap"},
		"gzip twice":     {encoded(packed, "gzip", "gzip"), "backend-not-soap"},
		"gzip, gzip":     {encoded(packed, "gzip, gzip"), "backend-not-soap"},
		"no gzip":        {encoded([]byte(envelope(soap.V11, "secret")), "gzip"), "backend-not-soap"},
		"no deflate":     {encoded([]byte("\xff\xff\xff"), "deflate"), "backend-not-soap"},
		"wrong checksum": {encoded(wrongSum, "gzip"), "backend-not-soap"},
		"half of it":     {encoded(packed[:len(packed)/2], "gzip"), "backend-not-soap"},
		"one octet":      {encoded(packed[:1], "deflate"), "backend-not-soap"},
		"a tail":         {encoded(append(bytes.Clone(packed), "tail"...), "gzip"), "backend-not-soap"},
		"gzip, in clear": {answer(200, soap.V11.ContentType(), string(packed)), "backend-not-soap"},
		"cut off": {func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", strconv.Itoa(len(packed)+1))
			encoded(packed[:len(packed)/2], "gzip")(w, r)
		}, "backend-down"},
	} {
		w := newWorld(t)
		w.backend = tt.backend
		r, req := w.call()
		if f := w.openFault(r, req); r.StatusCode != 500 || f.Reason != "The service is not available." ||
			w.code(1) != tt.code {
			t.Errorf("%s: HTTP %d, %+v, code %s, want %s", name, r.StatusCode, f, w.code(1), tt.code)
		}
	}
}

// The attack: a gigabyte of spaces in a megabyte. It is read up to the limit of
// replies, and within the budget.
func TestReadReplyLimitsWhatIsDecoded(t *testing.T) {
	t.Parallel()
	bomb := compressed(t, "gzip", io.LimitReader(spaces{}, 20<<20))
	for code, change := range map[string]option{
		"backend-too-large": func(c *gateway.Config, _ *gateway.Route, _ *wssec.Policy) { c.MaxMessage = 1 << 20 },
		"overloaded": func(c *gateway.Config, _ *gateway.Route, _ *wssec.Policy) {
			c.MaxMessage, c.MaxInFlight = 1<<30, 4<<20
		},
	} {
		w := newWorld(t, change)
		w.backend = encoded(bomb, "gzip")
		r, req := w.call()
		if w.openFault(r, req); w.code(1) != code {
			t.Errorf("code %s, want %s", w.code(1), code)
		}
	}
}

// The attack: empty members of gzip, one after the other. They decode to nothing,
// so that no limit of what is decoded ends them.
func TestReadReplyLimitsWhatIsDecodedToNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *gateway.Config, _ *gateway.Route, _ *wssec.Policy) { c.MaxMessage = 1 << 20 })
	empty := compressed(t, "gzip", strings.NewReader(""))
	w.backend = encoded(bytes.Repeat(empty, 2<<20/len(empty)), "gzip")
	r, req := w.call()
	if w.openFault(r, req); w.code(1) != "backend-too-large" {
		t.Errorf("code %s", w.code(1))
	}
}

type spaces struct{}

func (spaces) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	return len(p), nil
}

// What belongs to one connection, and what would change the form of the reply,
// goes no further; and neither do trailers.
func TestForwardMakesARequestOfItsOwn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var got *http.Request
	w.backend = func(rw http.ResponseWriter, r *http.Request) {
		got = r
		rw.Header().Set("Trailer", "X-Sum")
		for name, value := range map[string]string{"Keep-Alive": "timeout=9", "Proxy-Authenticate": "Basic",
			"Set-Cookie": "a=b", "X-Other": "theirs"} {
			rw.Header().Set(name, value)
		}
		echo(rw, r)
		rw.Header().Set("X-Sum", "42")
	}
	msg, req := w.protect(soap.V11, payload)
	r, err := http.NewRequest(http.MethodPost, w.gateway.URL+"/svc", io.MultiReader(bytes.NewReader(msg)))
	w.must(err)
	r.Trailer = http.Header{"X-Principal": {"mallory"}}
	for name, value := range map[string]string{"Content-Type": soap.V11.ContentType(), "Accept-Encoding": "gzip, br",
		"Connection": "X-Hop", "X-Hop": "1", "Keep-Alive": "timeout=9", "Te": "trailers", "Proxy-Authorization": "Basic eA==",
		"Range": "bytes=0-1"} {
		r.Header.Set(name, value)
	}
	reply := w.do(r)
	w.open(reply, req)
	if len(got.TransferEncoding) > 0 || got.ContentLength <= 0 || len(got.Trailer) > 0 {
		t.Errorf("the backend got %v, length %d, trailer %v", got.TransferEncoding, got.ContentLength, got.Trailer)
	}
	for _, name := range []string{"Accept-Encoding", "Connection", "X-Hop", "Keep-Alive", "Te", "Proxy-Authorization",
		"Trailer", "Range"} {
		if values := got.Header.Values(name); len(values) > 0 {
			t.Errorf("the backend got %s: %q", name, values)
		}
	}
	if len(reply.Trailer) > 0 {
		t.Errorf("the client got the trailer %v", reply.Trailer)
	}
	for _, name := range []string{"Keep-Alive", "Proxy-Authenticate", "Set-Cookie", "X-Other", "Trailer"} {
		if values := reply.Header.Values(name); len(values) > 0 {
			t.Errorf("the client got %s: %q", name, values)
		}
	}
}
