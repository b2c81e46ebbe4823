package wssec_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/wssgate/wssgate/wssec"
)

// TestPresetsAreValid: each name that PresetNames lists is a policy that can be
// enforced, under its own name.
func TestPresetsAreValid(t *testing.T) {
	t.Parallel()
	for _, name := range wssec.PresetNames() {
		p, ok := wssec.Preset(name)
		if !ok || p.Name != name {
			t.Errorf("%s: %t, %q", name, ok, p.Name)
		}
		if err := p.Validate(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, name := range []string{"", "kerberos", "UserNameOverTransport"} {
		if p, ok := wssec.Preset(name); ok || p.Validate() == nil {
			t.Errorf("%q is a preset: %+v", name, p)
		}
	}
}

// TestPresetReturnsItsOwnCopy: a caller that changes a preset changes it for
// nobody else.
func TestPresetReturnsItsOwnCopy(t *testing.T) {
	t.Parallel()
	for _, name := range wssec.PresetNames() {
		p, _ := wssec.Preset(name)
		for i := range p.SignedParts.Headers {
			p.SignedParts.Headers[i] = "{urn:changed}*"
		}
		for i := range p.SupportingTokens {
			p.SupportingTokens[i].Use = "changed"
		}
		again, _ := wssec.Preset(name)
		if err := again.Validate(); err != nil || len(again.SignedParts.Headers) > 0 &&
			again.SignedParts.Headers[0] == "{urn:changed}*" {
			t.Errorf("%s: %v, %q", name, err, again.SignedParts.Headers)
		}
	}
}

// Over TLS, WCF's clients sign the Timestamp alone with a symmetric key, whatever
// its WSDL says of wsa:To (dotnet/wcf#5883), and its services refuse more. A client
// that signs wsa:To as well is served, and a To that was changed then is not.
func TestPresetsOverTransportSignTheTimestampAlone(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"KerberosOverTransport", "SspiNegotiatedOverTransport"} {
		ps := newPeers(t, preset(t, name), nil)
		raw, _ := ps.request(t, plainOrder)
		if msg := string(raw); strings.Count(msg, "<ds:Reference ") != 1 ||
			!strings.Contains(msg, `<ds:Reference URI="#TS-`) {
			t.Errorf("%s: signed is not the Timestamp alone: %s", name, msg)
		}
		if _, err := ps.verify(t, raw); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		more := preset(t, name)
		more.SignedParts.Headers = []string{"{" + nsWSA + "}To"}
		ps.client = newPeers(t, more, nil).client
		raw, _ = ps.request(t, plainOrder)
		if _, err := ps.verify(t, bytes.Replace(raw, []byte("urn:svc"), []byte("urn:svd"), 1)); err == nil {
			t.Errorf("%s: a signed To that was changed was accepted", name)
		}
		if _, err := ps.verify(t, raw); err != nil || bytes.Count(raw, []byte("<ds:Reference ")) != 2 {
			t.Errorf("%s, To signed, too: %v", name, err)
		}
	}
}
