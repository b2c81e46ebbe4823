package gss_test

import (
	"fmt"
	"testing"

	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/gss"
)

// TestContextIsEmptyBeforeItIsEstablished: it has no names and makes no
// messages.
func TestContextIsEmptyBeforeItIsEstablished(t *testing.T) {
	t.Parallel()
	n := newNegotiator(t, 0, gss.AcceptConfig{})
	for _, c := range []*gss.Context{n.krb5, n.acceptor} {
		name, realm := c.Client()
		_, wrapErr := c.Wrap(nil, nil, true)
		_, _, unwrapErr := c.Unwrap(nil, nil)
		_, micErr := c.MIC(nil)
		for _, err := range []error{wrapErr, unwrapErr, micErr, c.VerifyMIC(nil, nil)} {
			wantRefusal(t, err, kerberos.CodeContextState)
		}
		if name+realm+c.Service() != "" || !c.Key().IsZero() || c.Flags() != 0 || !c.EndTime().IsZero() ||
			c.Authentication() != nil || c.Delegated() != nil ||
			c.Established() || c.Facts() != (gss.ContextFacts{}) || fmt.Sprint(c) != "context that is not established" {
			t.Errorf("%v %+v", c, c.Facts())
		}
	}
}
