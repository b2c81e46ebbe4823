package client

import (
	"errors"
	"testing"

	"github.com/wssgate/wssgate/soap"
)

func TestErrorNamesWhatAuthenticatesAFault(t *testing.T) {
	t.Parallel()
	fault := &soap.Fault{Reason: "no"}
	for want, e := range map[string]*Error{
		"client: service-refuses": {Code: CodeRefused},
		`client: service-refuses (HTTP status 500): "Sender", "no", in clear: nothing authenticates it`: {
			Code: CodeRefused, Fault: fault, Status: 500},
		`client: service-refuses: "Sender", "no", over TLS and not protected as the policy asks`: {
			Code: CodeRefused, Fault: fault, tls: true},
		`client: service-fault: "Sender", "no"`: {Code: CodeFault, Fault: fault, Status: 500},
		"client: no-answer: x":                  {Code: CodeNetwork, Err: errors.New("x")},
	} {
		if e.Error() != want {
			t.Errorf("%s, want %s", e, want)
		}
	}
}
