package wssec_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/soap/xmltext"
	"github.com/wssgate/wssgate/wssec"
)

func TestKerberosTokenOctetsReadsABinarySecurityToken(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`ValueType="` + wssec.KerberosAPREQ + `">bgA=`:                        "n\x00",
		`ValueType="` + wssec.GSSKerberosAPREQ + `">YAA=`:                     "`\x00",
		`ValueType="` + wssec.KerberosAPREQ + `">YAA=`:                        "",
		`ValueType="urn:other">bgA=`:                                          "",
		`>bgA=`:                                                               "",
		`ValueType="` + wssec.KerberosAPREQ + `">`:                            "",
		`ValueType="` + wssec.KerberosAPREQ + `" EncodingType="urn:hex">6e00`: "",
	} {
		doc, err := xmltext.Scan([]byte(`<w:BinarySecurityToken xmlns:w="`+wssec.NSWSSE+`" `+text+
			`</w:BinarySecurityToken>`), xmltext.Options{})
		if err != nil {
			t.Fatal(err)
		}
		got, err := wssec.KerberosTokenOctets(doc.Root())
		if string(got) != want || (err == nil) != (want != "") {
			t.Errorf("%s: %q, %v", text, got, err)
		}
		if err != nil && strings.Contains(err.Error(), "wssec: ") {
			t.Errorf("the error is for who knows the place: %v", err)
		}
	}
}

// A token that stands elsewhere is taken by policies of Kerberos tokens alone,
// and needs what a token in the header needs.
func TestVerifyRefusesADetachedTokenThatThePolicyDoesNotTake(t *testing.T) {
	t.Parallel()
	stamp := func(d time.Duration) string { return time.Now().Add(d).UTC().Format("2006-01-02T15:04:05Z") }
	timestamp := `<s:Header><o:Security xmlns:o="` + wssec.NSWSSE + `"><u:Timestamp xmlns:u="` + wssec.NSWSU +
		`"><u:Created>` + stamp(0) + `</u:Created><u:Expires>` + stamp(time.Minute) +
		`</u:Expires></u:Timestamp></o:Security></s:Header>`
	for name, tt := range map[string]struct {
		preset string
		octets []byte
		tls    bool
		header string
		want   wssec.Code
	}{
		"a policy of contexts": {"SspiNegotiatedOverTransport", []byte("n"), true, timestamp,
			wssec.CodeUnsupportedToken},
		"no header":                 {"Kerberos", []byte("n"), true, "", wssec.CodeSecurityMissing},
		"no header for a signature": {"endorsing", []byte("n"), true, "", wssec.CodeSecurityMissing},
		"no TLS":                    {"KerberosToken", []byte("n"), false, "", wssec.CodeTransport},
		"empty":                     {"KerberosToken", []byte{}, true, "", wssec.CodeInvalidToken},
		"too long":                  {"KerberosToken", make([]byte, wssec.MaxTokenText+1), true, "", wssec.CodeInvalidToken},
		"no verifier":               {"KerberosToken", []byte("n"), true, "", wssec.CodeFailedAuth},
	} {
		p, _ := wssec.Preset(tt.preset)
		if tt.preset == "endorsing" { // and nothing else in the header
			p, _ = wssec.Preset("KerberosOverTransport")
			p.Timestamp, p.SignedParts = wssec.TimestampOptional, wssec.Parts{Body: true}
		}
		processor, err := wssec.NewProcessor(p, wssec.Config{})
		if err != nil {
			t.Fatal(err)
		}
		env, err := soap.Parse([]byte(`<s:Envelope xmlns:s="`+soap.NS11+`">`+tt.header+`<s:Body/></s:Envelope>`),
			xmltext.Options{})
		if err != nil {
			t.Fatal(err)
		}
		msg, err := processor.Verify(t.Context(), env, wssec.Channel{TLS: tt.tls,
			Token: &wssec.DetachedToken{Octets: tt.octets}})
		var e *wssec.Error
		if !errors.As(err, &e) || e.Code != tt.want || msg != nil {
			t.Errorf("%s: %v, want %s", name, err, tt.want)
		}
	}
}
