package request

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/soap/xmltext"
)

// Message returns the envelope to send for what a user writes: a whole envelope,
// which is kept as it is, or the one element that the Body is to hold. Nothing
// but white space makes an empty Body. The version is that of the envelope to
// make, 0 for SOAP 1.1; a whole envelope has its own, and must not have
// another.
func Message(input []byte, v soap.Version) ([]byte, error) {
	content := []byte{}
	if len(bytes.TrimSpace(input)) > 0 {
		doc, err := xmltext.Scan(input, xmltext.Options{})
		if err != nil {
			return nil, fmt.Errorf("neither an envelope nor the one element of a Body: %w", err)
		}
		root := doc.Root()
		for _, own := range []soap.Version{soap.V11, soap.V12} {
			switch {
			case !root.Is(own.Namespace(), "Envelope"):
			case v != 0 && v != own:
				return nil, fmt.Errorf("the envelope is %v, and %v is asked for", own, v)
			default:
				return input, nil
			}
		}
		if root.Local() == "Envelope" {
			return nil, fmt.Errorf("an envelope of the unknown namespace %.200q", root.Space())
		}
		start, _, _, end := root.SourceRange()
		content = doc.Source()[start:end]
	}
	if v == 0 {
		v = soap.V11
	}
	out := append([]byte(nil), `<soap:Envelope xmlns:soap="`+v.Namespace()+`"><soap:Body>`...)
	out = append(out, content...)
	return append(out, `</soap:Body></soap:Envelope>`...), nil
}

// Content returns what the Body of a message holds, each element with the
// namespace declarations that it stood under.
func Content(message []byte) ([]byte, error) {
	env, err := soap.Parse(message, xmltext.Options{})
	if err != nil {
		return nil, errors.New("the reply is no SOAP message") // it was one a moment ago
	}
	return env.Body.AppendDetachedContent(nil), nil
}
