package main

import (
	"encoding/xml"
	"fmt"
	"net/http"

	"github.com/wssgate/wssgate/soap"
)

// quotes is the application: it reads and writes plain SOAP 1.1, and all that
// it knows of security is who asks. The operation is what the Body holds;
// SOAPAction is under no signature and does not come here.
func quotes(w http.ResponseWriter, r *http.Request) {
	var question struct {
		Symbol string `xml:"Body>GetQuote>Symbol"`
	}
	err := xml.NewDecoder(r.Body).Decode(&question)
	price, known := map[string]string{"ACME": "42.50"}[question.Symbol]
	if err != nil || !known {
		fault := soap.Fault{Code: soap.Sender, Reason: "There is no such share."}
		w.WriteHeader(http.StatusInternalServerError)
		_, _ = w.Write(fault.AppendEnvelope(nil, soap.V11))
		return
	}
	fmt.Fprintf(w, `<soap:Envelope xmlns:soap="%s"><soap:Body>`, soap.NS11)
	fmt.Fprintf(w, `<q:Quote xmlns:q="urn:example:quotes"><q:Price>%s</q:Price><q:For>`, price)
	_ = xml.EscapeText(w, []byte(ClientOf(r.Context())))
	fmt.Fprint(w, `</q:For></q:Quote></soap:Body></soap:Envelope>`)
}
