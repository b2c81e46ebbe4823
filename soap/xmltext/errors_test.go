package xmltext

import (
	"strings"
	"testing"
)

func TestSyntaxErrorHasThePlace(t *testing.T) {
	t.Parallel()
	_, err := Scan([]byte(`<E><H/><B><x/><x><y>&foo;</y></x></B></E>`), Options{})
	const want = `xml: undefined entity "foo" at octet 20 in /E/B/x[2]/y`
	if err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
}

// TestSyntaxErrorIsBounded guards logs against overlong names.
func TestSyntaxErrorIsBounded(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("n", 1000)
	in := strings.Repeat("<"+long+">", 100)
	_, err := Scan([]byte(in+"<"+long+":p/>"), Options{})
	if err == nil || len(err.Error()) > 2*pathBytes {
		t.Errorf("error of %d octets", len(err.Error()))
	}
}
