package xmldsig_test

import (
	"bytes"
	"encoding/base64"
	"flag"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wssgate/wssgate/soap/xmltext"
	"github.com/wssgate/wssgate/wssec/xmldsig"
	"github.com/wssgate/wssgate/wssec/xmlenc"
)

var santuario = flag.String("santuario", "", "folder of the unpacked jar org.apache.santuario:xmlsec:2.3.4:tests")

// santuarioKeys are the keys that Santuario's tests, and the files that come with
// them, have for the HMACs of a folder, and for EncryptedKeys by KeyName.
var santuarioKeys = map[string]string{
	"at/iaik/": "secret", "ie/baltimore/": "secret", "com/phaos/": "test",
	"org/apache/xml/security/test/javax/xml/crypto/dsig/": "secret", "org/w3c/www/interop/xmldsig/": "secret",
	"org/w3c/www/interop/xmldsig11/oracle/": "testkey", "org/w3c/www/interop/xmldsig11/sun/": "secret",
	"job": "abcdefghijklmnop", "jeb": "abcdefghijklmnopqrstuvwx", "jed": "abcdefghijklmnopqrstuvwxyz012345",
}

// key returns the key of an HMAC: that of its folder, Microsoft's for its digest,
// or what the EncryptedKey in its KeyInfo holds.
func (s santuarioSignature) key(t *testing.T) []byte {
	t.Helper()
	folder := filepath.Dir(s.name) + "/"
	if strings.HasSuffix(folder, "/microsoft/") {
		key, err := os.ReadFile(filepath.Join(*santuario, folder, "secret-"+s.alg[strings.LastIndex(s.alg, "-")+1:]+".hmac"))
		if err != nil {
			t.Fatal(err)
		}
		return key
	}
	info := s.node.Child(xmldsig.NS, "KeyInfo")
	if info.FirstChild().Space() != xmlenc.NS {
		for prefix, key := range santuarioKeys {
			if strings.HasPrefix(folder, prefix) {
				return []byte(key)
			}
		}
	}
	ek := info.Child(xmlenc.NS, "EncryptedKey")
	wrapped, err := base64.StdEncoding.DecodeString(textOf(ek.Child(xmlenc.NS, "CipherData")))
	if err != nil {
		t.Fatal(err)
	}
	kek := santuarioKeys[textOf(ek.Child(xmldsig.NS, "KeyInfo").Child(xmldsig.NS, "KeyName"))]
	key, _ := xmlenc.UnwrapKey([]byte(kek), wrapped)
	return key
}

// canonicalForms are the algorithms of xmltext.
var canonicalForms = map[string]xmltext.Method{
	"http://www.w3.org/2001/10/xml-exc-c14n#":                      xmltext.Exclusive,
	"http://www.w3.org/2001/10/xml-exc-c14n#WithComments":          xmltext.ExclusiveWithComments,
	"http://www.w3.org/TR/2001/REC-xml-c14n-20010315":              xmltext.Inclusive10,
	"http://www.w3.org/TR/2001/REC-xml-c14n-20010315#WithComments": xmltext.Inclusive10WithComments,
	"http://www.w3.org/2006/12/xml-c14n11":                         xmltext.Inclusive11,
	"http://www.w3.org/2006/12/xml-c14n11#WithComments":            xmltext.Inclusive11WithComments,
}

// canonicalForm returns the form that a CanonicalizationMethod or Transform
// asks for.
func canonicalForm(n xmltext.Node) (c xmltext.C14N, ok bool) {
	alg, _ := n.Attr("", "Algorithm")
	c.Method, ok = canonicalForms[alg]
	list, _ := n.Child(xmldsig.NSEC, "InclusiveNamespaces").Attr("", "PrefixList")
	c.Prefixes = strings.Fields(list)
	return c, ok
}

// all returns an element and those in it.
func all(n xmltext.Node) iter.Seq[xmltext.Node] {
	return func(yield func(xmltext.Node) bool) {
		if !yield(n) {
			return
		}
		n.Descendants()(yield)
	}
}

// target returns the element that a Reference to the same document is to.
func target(root xmltext.Node, uri string) (apex xmltext.Node) {
	if uri == "" || uri == "#xpointer(/)" {
		return root
	}
	id, pointer := strings.CutPrefix(uri, "#xpointer(id(")
	if id = strings.TrimSuffix(id, "))"); pointer {
		id = strings.Trim(id, `"'`)
	} else if id, pointer = strings.CutPrefix(uri, "#"); !pointer {
		return xmltext.Node{}
	}
	for n := range all(root) {
		for name, value := range n.Attrs() {
			if value == id && strings.EqualFold(name.Local, "id") {
				return n
			}
		}
	}
	return xmltext.Node{}
}

// referenceOctets returns what a Reference digests, or why that is not to be had
// of xmltext alone.
func referenceOctets(src []byte, root, ref xmltext.Node) (octets []byte, reason string) {
	uri, ok := ref.Attr("", "URI")
	apex := target(root, uri)
	if !ok || apex.IsZero() {
		return nil, "to another document"
	}
	form, enveloped := xmltext.C14N{Method: xmltext.Inclusive10}, false
	for tr := range ref.Child(xmldsig.NS, "Transforms").Children() {
		alg, _ := tr.Attr("", "Algorithm")
		if enveloped = enveloped || alg == xmldsig.NS+"enveloped-signature"; alg == xmldsig.NS+"enveloped-signature" {
			continue
		}
		if form, ok = canonicalForm(tr); !ok {
			return nil, "of another transform"
		}
		if comments := strings.HasPrefix(uri, "#xpointer"); !comments {
			form.Method &^= 1
		}
	}
	if !enveloped {
		return apex.AppendCanonical(nil, form), ""
	}
	signature := ref.Parent().Parent()
	start, _, _, end := signature.SourceRange()
	without, err := xmltext.Scan(append(src[:start:start], src[end:]...), xmltext.Options{AllowPI: true})
	if err != nil {
		return nil, err.Error()
	}
	if apex = target(without.Root(), uri); apex.IsZero() {
		return nil, "inside of its own signature"
	}
	return apex.AppendCanonical(nil, form), ""
}

// textOf returns the text of an element without white space.
func textOf(n xmltext.Node) string { return strings.Join(strings.Fields(n.Text()), "") }

// A santuarioSignature is a ds:Signature of a file of the jar.
type santuarioSignature struct {
	name               string // of the file, below the jar
	src                []byte
	node, info, method xmltext.Node
	alg                string // of method
}

// signaturesOfSantuario returns the signatures of all files that are read, and
// counts those that are not.
func signaturesOfSantuario(t *testing.T) (signatures []santuarioSignature, unread int) {
	t.Helper()
	if *santuario == "" {
		t.Skip("the jar is fetched by .ci/suites, and read with -santuario DIR")
	}
	err := filepath.WalkDir(*santuario, func(path string, d fs.DirEntry, err error) error {
		if ext := filepath.Ext(path); err != nil || d.IsDir() || ext != ".xml" && ext != ".sig" {
			return err
		}
		src, err := os.ReadFile(path)
		if err != nil || !bytes.Contains(src, []byte("SignedInfo")) {
			return err
		}
		doc, err := xmltext.Scan(src, xmltext.Options{AllowPI: true})
		if err != nil {
			unread++
			return nil
		}
		name, err := filepath.Rel(*santuario, path)
		for n := range all(doc.Root()) {
			if n.Is(xmldsig.NS, "Signature") {
				s := santuarioSignature{name: name, src: src, node: n, info: n.Child(xmldsig.NS, "SignedInfo")}
				s.method = s.info.Child(xmldsig.NS, "SignatureMethod")
				s.alg, _ = s.method.Attr("", "Algorithm")
				signatures = append(signatures, s)
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return signatures, unread
}

// TestSignedInfoMatchesSantuario holds the HMACs of the working groups' files
// that are among Santuario's tests (Baltimore, IAIK, Microsoft, Oracle, Phaos,
// Sun and the W3C) against ours, in all canonical forms. Those of Microsoft alone
// are in exclusive form and not for comments.
func TestSignedInfoMatchesSantuario(t *testing.T) {
	signatures, unread := signaturesOfSantuario(t)
	not, right, microsoft := map[string]int{"with a document type declaration": unread}, 0, 0
	for _, s := range signatures {
		m, known := xmldsig.LookupSignature(s.alg)
		form, canonical := canonicalForm(s.info.Child(xmldsig.NS, "CanonicalizationMethod"))
		value := textOf(s.node.Child(xmldsig.NS, "SignatureValue"))
		switch {
		case !known || !canonical:
			not["of another algorithm"]++
			continue
		case value == "":
			not["without a value"]++
			continue
		}
		if length := s.method.Child(xmldsig.NS, "HMACOutputLength"); !length.IsZero() {
			not["truncated"]++
			if _, err := xmldsig.Parse(s.node); err == nil {
				t.Errorf("%s: %s bits of an HMAC are enough", s.name, length.Text())
			}
			continue
		}
		key := s.key(t)
		if key == nil {
			not["by a key that another algorithm wraps"]++
			continue
		}
		h := m.New(key)
		if err := s.info.WriteCanonical(h, form); err != nil {
			t.Fatal(err)
		}
		if got := base64.StdEncoding.EncodeToString(h.Sum(nil)); got != value {
			t.Errorf("%s: %s, want %s", s.name, got, value)
			continue
		}
		right++
		if strings.Contains(s.name, "/microsoft/") {
			microsoft++
		}
	}
	t.Logf("santuario: %d signatures, %d by HMAC right, %d of them of Microsoft; not applicable: %v",
		len(signatures)+unread, right, microsoft, not)
	if right < 150 || microsoft != 4 {
		t.Errorf("%d right, %d of Microsoft", right, microsoft)
	}
}

// TestReferencesMatchSantuario holds the digests of the same files against ours,
// whatever signs them, where a Reference is to an element of the document, by an
// enveloped signature or not, and without XPath, XSLT and decryption.
func TestReferencesMatchSantuario(t *testing.T) {
	signatures, _ := signaturesOfSantuario(t)
	wrong := map[string]bool{"com/phaos/phaos-xmldsig-three/signature-rsa-enveloped-bad-digest-val.xml": true}
	not, references, right, refused := map[string]int{}, 0, 0, 0
	for _, s := range signatures {
		for ref := range s.info.Children() {
			if !ref.Is(xmldsig.NS, "Reference") {
				continue
			}
			references++
			alg, _ := ref.Child(xmldsig.NS, "DigestMethod").Attr("", "Algorithm")
			m, known := xmldsig.LookupDigest(alg)
			octets, reason := referenceOctets(s.src, s.node.Doc().Root(), ref)
			value := textOf(ref.Child(xmldsig.NS, "DigestValue"))
			switch {
			case !known:
				reason = "of another algorithm"
			case value == "":
				reason = "without a value"
			}
			if reason != "" {
				not[reason]++
				continue
			}
			h := m.New()
			h.Write(octets)
			switch got := base64.StdEncoding.EncodeToString(h.Sum(nil)); {
			case (got == value) == wrong[s.name]:
				t.Errorf("%s: %s is %s, the file has %s", s.name, ref.Path(), got, value)
			case got == value:
				right++
			default:
				refused++
			}
		}
	}
	t.Logf("santuario: %d references, %d right, %d wrong as they should be; not applicable: %v",
		references, right, refused, not)
	if right < 230 || refused != len(wrong) {
		t.Errorf("%d right, %d wrong", right, refused)
	}
}
