package wssec_test

import (
	"testing"

	"github.com/wssgate/wssgate/wssec"
)

func TestKeyRedactsItself(t *testing.T) {
	t.Parallel()
	k := wssec.NewKey([]byte("sixteen octets!!"))
	text, _ := k.MarshalText()
	for _, s := range []string{k.String(), k.GoString(), string(text), k.LogValue().String()} {
		if s != "[redacted]" {
			t.Error(s)
		}
	}
}
