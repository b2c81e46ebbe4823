package client

import "github.com/wssgate/wssgate/soap"

// For the tests, which are of another package, as they assemble a gateway.
var (
	Addressed = addressed
	TokenOf   = tokenOf

	AddressingText = addressingText
)

// WithAddressing returns the message that a Client with Config.Addressing sends.
func WithAddressing(namespace string, r Request) (*soap.Envelope, error) {
	c := Client{channel{poster: &poster{cfg: &Config{Addressing: namespace}}}}
	return c.envelope(r)
}

// NSMicrosoft is the namespace of WCF's own faults.
const NSMicrosoft = nsMicrosoft
