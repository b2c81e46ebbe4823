package wssec_test

import (
	"context"
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
