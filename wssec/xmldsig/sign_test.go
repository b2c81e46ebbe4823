package xmldsig_test

import (
	"bytes"
	"testing"

	"github.com/wssgate/wssgate/soap/xmltext"
	"github.com/wssgate/wssgate/wssec/xmldsig"
)

func TestAppendWritesWhatParseReads(t *testing.T) {
	t.Parallel()
	for _, uri := range []string{xmldsig.HMACSHA1, xmldsig.HMACSHA256, xmldsig.HMACSHA384, xmldsig.HMACSHA512} {
		for _, digest := range []string{xmldsig.SHA1, xmldsig.SHA256, xmldsig.SHA384, xmldsig.SHA512} {
			m, _ := xmldsig.LookupSignature(uri)
			d, _ := xmldsig.LookupDigest(digest)
			tmpl := xmldsig.Template{ID: "SIG-1", Method: m, Digest: d,
				References: []xmldsig.SignedPart{{ID: "a", Digest: d.New().Sum(nil)}, {ID: "b", Digest: []byte{1}}}}
			out, value := tmpl.Append(nil, []byte("key"))
			n := node(t, string(out))
			if c := n.AppendCanonical(nil, xmltext.C14N{}); !bytes.Equal(c, out) {
				t.Errorf("%s\nis not canonical:\n%s", out, c)
			}
			s, err := xmldsig.Parse(n)
			if err != nil {
				t.Fatal(err)
			}
			if s.Method != uri || len(s.References) != 2 || s.References[0].URI != "#a" ||
				s.References[0].DigestMethod != digest || !bytes.Equal(s.Value, value) {
				t.Errorf("%+v", s)
			}
			if !s.CheckValue(m.New([]byte("key"))) || s.CheckValue(m.New([]byte("kez"))) {
				t.Error("the HMAC is the same for two keys")
			}
			if !s.References[0].CheckDigest(d.New()) || s.References[1].CheckDigest(d.New()) {
				t.Error("the digest is the same for other octets")
			}
		}
	}
}
