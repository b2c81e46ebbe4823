package wssec_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/wssgate/wssgate/wssec"
)

func TestVerifyRequiresTLSWhereThePolicyDoes(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"KerberosOverTransport", "KerberosToken"} {
		ps := newPeers(t, preset(t, name), nil)
		msg, _ := ps.request(t, plainOrder)
		_, err := ps.service.Verify(context.Background(), parse(t, msg), wssec.Channel{})
		refused(t, err, wssec.CodeTransport)
	}
}

// Trace sees each step once, in order, and the one that refused last.
func TestTraceSeesTheSteps(t *testing.T) {
	t.Parallel()
	var seen []string
	var last error
	p, err := wssec.NewProcessor(preset(t, "KerberosToken"),
		wssec.Config{Trace: func(step string, err error) { seen, last = append(seen, step), err }})
	if err != nil {
		t.Fatal(err)
	}
	_, err = p.Verify(t.Context(), parse(t, []byte(plainOrder)), wssec.Channel{TLS: true})
	if last == nil || !errors.Is(err, last) || !slices.Equal(seen, wssec.Steps()[:2]) {
		t.Errorf("saw %q, the last with %v; Verify returned %v", seen, last, err)
	}
}
