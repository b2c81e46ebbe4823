package wssec_test

import (
	"testing"

	"github.com/wssgate/wssgate/wssec"
)

func TestKeyFitRejectsAShortKey(t *testing.T) {
	t.Parallel()
	ps := newPeers(t, symmetric(func(p *wssec.Policy) { p.AlgorithmSuite = wssec.Basic256 }), nil)
	ps.token.Key = wssec.NewKey(make([]byte, 16))
	_, _, err := ps.client.ProtectRequest(nil, parse(t, []byte(plainOrder)), ps.token)
	refused(t, err, wssec.CodeKeyLength)
}
