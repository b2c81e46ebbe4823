package wssec_test

import (
	"strings"
	"testing"
	"time"

	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/wssec"
)

// TestFaultForHasOneFaultForCryptographicFailures sends messages that fail in
// each way and compares the faults, octet for octet.
func TestFaultForHasOneFaultForCryptographicFailures(t *testing.T) {
	t.Parallel()
	ps := newPeers(t, symmetric(), nil)
	raw, _ := ps.request(t, plainOrder)
	msg := string(raw)
	cut := strings.LastIndex(msg, "</xenc:CipherValue>")
	value := find(t, msg, `<xenc:CipherValue>([^<]*)<`)
	wrongKey := newPeers(t, symmetric(), nil)
	wrongKey.token.Token = ps.token.Token
	otherKey, _ := wrongKey.request(t, plainOrder)
	token := find(t, msg, `wsu:Id="BST-[^"]*">([^<]*)<`)
	flipped := []byte(token)
	flipped[len(flipped)-20] ^= 1
	unsigned := newPeers(t, wssec.Policy{
		Binding: wssec.NoBinding, AlgorithmSuite: wssec.Basic128,
		SignedParts:      wssec.Parts{Headers: []string{"{" + nsWSA + "}To"}},
		SupportingTokens: []wssec.SupportingToken{{Token: wssec.KerberosToken, Use: wssec.UseEndorsing}},
	}, nil)
	unsigned.token = ps.token
	notCovered, _ := unsigned.request(t, plainOrder)

	var want string
	for name, m := range map[string]string{
		"ticket":     replace(t, msg, token, string(flipped)),
		"padding":    msg[:cut-8] + "AAAAAAA=" + msg[cut:],
		"plaintext":  replace(t, msg, value, "AAAA"+value[4:]),
		"short":      replace(t, msg, value, "AAAA"),
		"not base64": replace(t, msg, value, "*"+value[1:]),
		"digest": replace(t, msg, find(t, msg, `<wsu:Created>([^<]*)<`),
			ps.now.Add(-time.Second).UTC().Format("2006-01-02T15:04:05.000Z")),
		"HMAC":       string(otherKey),
		"HMAC value": replace(t, msg, find(t, msg, `<ds:SignatureValue>([^<]*)<`), "AAAAAAAAAAAAAAAAAAAAAAAAAAA="),
		"coverage":   string(notCovered),
		"no token":   replace(t, msg, find(t, msg, `<wsse:BinarySecurityToken.*</wsse:BinarySecurityToken>`), ""),
	} {
		_, err := ps.verify(t, []byte(m))
		if err == nil {
			t.Errorf("%s: accepted", name)
			continue
		}
		got := string(wssec.FaultFor(err).AppendEnvelope(nil, soap.V11))
		if want == "" {
			want = got
		}
		if got != want {
			t.Errorf("%s: the fault is\n%s\nwant\n%s", name, got, want)
		}
		for _, secret := range []string{token, value, "amount"} {
			if strings.Contains(err.Error(), secret) {
				t.Errorf("%s: the error repeats what it must not: %v", name, err)
			}
		}
	}
	if !strings.Contains(want, "InvalidSecurity") {
		t.Error(want)
	}
}
