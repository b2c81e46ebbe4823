package wstrust

import (
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/wssgate/wssgate/soap/xmltext"
	"github.com/wssgate/wssgate/wssec"
)

// Bounds of what a test vector cannot have, at the edge and one over: a vector
// would be as long as they are, or is read by the requestor.
func TestLimitsAtTheirEdge(t *testing.T) {
	t.Parallel()
	text := func(n int) string {
		return base64.StdEncoding.EncodeToString(make([]byte, n/4*3)) + strings.Repeat("x", n%4)
	}
	exchange := func(n int) string {
		return `<t:RequestSecurityToken xmlns:t="` + NSTrust13 + `"><t:RequestType>` + NSTrust13 + `/Issue</t:RequestType>` +
			`<t:BinaryExchange ValueType="` + V13.SPNEGO() + `" EncodingType="` + wssec.EncodingBase64 + `">` + text(n) +
			`</t:BinaryExchange></t:RequestSecurityToken>`
	}
	wrapped := func(n int) string {
		return peersRSTR(`<t:RequestedProofToken><e:EncryptedKey><e:EncryptionMethod Algorithm="` + GSSWrap +
			`"/><e:CipherData><e:CipherValue>` + text(n) +
			`</e:CipherValue></e:CipherData></e:EncryptedKey></t:RequestedProofToken>`)
	}
	cookie := func(n int) string {
		return peersRSTR(`<t:RequestedSecurityToken xmlns:d="` + nsMicrosoft +
			`"><c:SecurityContextToken><c:Identifier>urn:a</c:Identifier><d:Cookie>` + text(n) +
			`</d:Cookie></c:SecurityContextToken></t:RequestedSecurityToken>`)
	}
	collection := func(n int) string {
		return `<t:RequestSecurityTokenResponseCollection xmlns:t="` + NSTrust13 + `">` +
			strings.Repeat(peersRSTR(``), n) + `</t:RequestSecurityTokenResponseCollection>`
	}
	request := func(n xmltext.Node) error { _, err := ReadRequest(n); return err }
	responses := func(n xmltext.Node) error { _, err := ReadResponses(n); return err }
	hashed := func(n xmltext.Node) error { return newTranscript().add(n) }
	element := func(n int) string { return `<a>` + strings.Repeat("x", n-len(`<a></a>`)) + `</a>` }
	for name, limit := range map[string]struct {
		most int
		of   func(n int) string
		read func(xmltext.Node) error
		says string
	}{
		"maxExchange":  {maxExchange, exchange, request, "262145 octets; at most 262144"},
		"maxWrapped":   {maxWrapped, wrapped, responses, "4097 octets; at most 4096"},
		"maxCookie":    {maxCookie, cookie, responses, "65537 octets; at most 65536"},
		"maxResponses": {maxResponses, collection, responses, "at most 8 RSTRs"},
		"maxMessage":   {maxMessage, element, hashed, "more than 524288 octets"},
	} {
		if err := limit.read(scan(t, limit.of(limit.most))); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if err := limit.read(scan(t, limit.of(limit.most+1))); err == nil || !strings.Contains(err.Error(), limit.says) {
			t.Errorf("%s, one over: %v", name, err)
		}
	}
}

// A Lifetime of maxLife is taken, and not a second more.
func TestLifetimeAtItsLimit(t *testing.T) {
	t.Parallel()
	for life, taken := range map[time.Duration]bool{maxLife: true, maxLife + time.Second: false} {
		r := &RequestSecurityTokenResponse{Created: noon, Expires: noon.Add(life)}
		if until, err := (lifetime{now: noon}).check(r); taken != (err == nil) || taken && !until.Equal(r.Expires) {
			t.Errorf("%v: until %v, %v", life, until, err)
		}
	}
}
