package resecure

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/wssgate/wssgate/client"
	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/negotiate"
	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/soap/xmltext"
	"github.com/wssgate/wssgate/wssec"
)

// coded is an error of what carries messages, with a code of its own.
type coded struct{}

func (coded) Error() string     { return "no backend is up" }
func (coded) ErrorCode() string { return "no-backend-up" }

func codeOf(err error) string {
	if c, ok := errors.AsType[interface {
		error
		ErrorCode() string
	}](err); ok {
		return c.ErrorCode()
	}
	return ""
}

func TestErrorOfALegHasTheCodeOfItsCause(t *testing.T) {
	t.Parallel()
	of := func(c client.Code, cause error) error { return &client.Error{Code: c, Err: cause} }
	some := errors.New("some")
	for want, all := range map[string][]error{
		"backend-no-ticket": {of(client.CodeTicket, some), of(client.CodeNetwork, ticketError{some}), ticketError{some},
			of(client.CodeTicket, ticketError{context.DeadlineExceeded})},
		"delegation-refused": {ticketError{kerberos.Errorf(kerberos.CodeDelegation, "")},
			of(client.CodeTicket, ticketError{kerberos.Errorf(kerberos.CodeDelegation, "")})},
		"backend-not-protected": {of(client.CodeMessage, some)},
		"backend-refuses": {of(client.CodeRefused, some), of(client.CodeFault, some),
			kerberos.Errorf(negotiate.CodeServerRefused, "")},
		"backend-reply-not-verified": {of(client.CodeUnverified, some), kerberos.Errorf(negotiate.CodeNotMutual, "")},
		"backend-negotiation-failed": {of(client.CodeNegotiation, some)},
		"backend-not-soap":           {of(client.CodeNoSOAP, some)},
		"no-backend-up": {of(client.CodeNetwork, coded{}),
			of(client.CodeNetwork, fmt.Errorf("Post: %w", coded{}))},
		"": {of(client.CodeNetwork, some), some},
	} {
		for _, err := range all {
			if got := codeOf(legError(err)); got != want {
				t.Errorf("%v: %s, want %s", err, got, want)
			}
		}
	}
	if err := legError(of(client.CodeNetwork, context.DeadlineExceeded)); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a backend that is late: %v", err)
	}
	if err := legError(of(client.CodeMessage, memoryError{coded{}})); err != (coded{}) {
		t.Errorf("no memory: %v", err)
	}
}

// TestFaultAboutTheLegIsNotTheCallers: it would take its own token for a bad one.
func TestFaultAboutTheLegIsNotTheCallers(t *testing.T) {
	t.Parallel()
	for space, ours := range map[string]bool{wssec.NSWSSE: true, wssec.NSWSC13: true, wssec.NSWSC05: true,
		"http://docs.oasis-open.org/ws-sx/ws-trust/200512": true, "urn:quotes": false, "": false, soap.NSAddressing: false} {
		if got := isOfLeg(&soap.Fault{Subcode: xmltext.Name{Space: space, Local: "x"}}); got != ours {
			t.Errorf("%s: %t", space, got)
		}
	}
}

func TestCodesExplainsEveryCode(t *testing.T) {
	t.Parallel()
	seen := map[Code]bool{}
	for _, c := range Codes() {
		if seen[c.Code] || c.Cause == "" || c.Cure == "" {
			t.Errorf("%s is there twice, or without cause or cure", c.Code)
		}
		seen[c.Code] = true
	}
	for _, c := range []Code{CodeNotDelegated, CodeTicket, CodeMessage, CodeRefused, CodeUnverified, CodeNegotiation} {
		if !seen[c] {
			t.Errorf("%s is not explained", c)
		}
	}
}
