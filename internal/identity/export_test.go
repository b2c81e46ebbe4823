package identity

import "testing"

func ThumbprintOf(_ *testing.T, x, y string) string {
	p := jwk{Type: "EC", Curve: "P-256", X: x, Y: y}
	return p.thumbprint()
}
