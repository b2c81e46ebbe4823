package interop

import "testing"

// A client whose signature covers its token through the STR-Transform, in four
// forms of a document: made with WSS4J's API, since CXF's policy layer signs
// the token by its wsu:Id.
func TestWSS4JSignsTheTokenThroughSTRTransform(t *testing.T) {
	const port = "KtpSymmetricSTRTransform"
	c := newCXF(t, startKDC(t))
	backend, calls := counting(t)
	g := serve(t, program(t), c.kdc, backend, false, port)
	out, err := c.run(t, "StrTransform", "-url", g.url+"/"+port)
	if err != nil || calls.Load() != 4 {
		t.Errorf("%d calls of the service; client: %v\n%s", calls.Load(), err, out)
	}
}
