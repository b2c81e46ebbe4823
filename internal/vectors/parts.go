package vectors

import (
	"bytes"
	"crypto/fips140"
	"encoding/base64"
	"hash"
	"slices"
	"strings"

	dsig "github.com/russellhaering/goxmldsig"

	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/soap/xmltext"
	"github.com/wssgate/wssgate/wssec"
	"github.com/wssgate/wssgate/wssec/xmldsig"
	"github.com/wssgate/wssgate/wssec/xmlenc"
)

// A Part is what one Reference of a Signature covers.
type Part struct {
	URI       string   `json:"uri"`
	Path      string   `json:"path,omitempty"`     // of the element; "" if there is none with the Id
	Prefixes  []string `json:"prefixes,omitempty"` // of the PrefixList
	Digest    string   `json:"digest-value"`       // as the Reference has it
	Computed  string   `json:"computed,omitempty"` // over Canonical
	Second    string   `json:"goxmldsig"`          // agrees, disagrees, or outside its limits
	Canonical string   `json:"canonical,omitempty"`
	Encrypted bool     `json:"encrypted,omitempty"` // Canonical has ciphertext, which a sender may have signed before
}

// Matches reports whether the digest is that of the canonical form.
func (p *Part) Matches() bool { return p.Computed != "" && p.Computed == p.Digest }

// maxParts bounds what is shown of one message.
const maxParts = 256

// parts reads the Signatures of a message. It is for people: whether a message
// is accepted is not decided here. env is the message as far as it was
// decrypted, src as it came, in which ciphertext is still there that a signature
// may cover.
func (r *Receiver) parts(env *soap.Envelope, src []byte) (parts []Part) {
	received, err := soap.Parse(src, r.XML)
	if err != nil {
		return nil
	}
	for n := range env.Root.Descendants() {
		if !n.Is(xmldsig.NS, "Signature") || !n.Parent().Is(wssec.NSWSSE, "Security") {
			continue
		}
		sig, err := xmldsig.Parse(n)
		if err != nil {
			continue
		}
		for i := range sig.References {
			if len(parts) < maxParts {
				parts = append(parts, r.part(env, received, sig, &sig.References[i]))
			}
		}
	}
	return parts
}

// part canonicalizes what a Reference names, in both states.
func (r *Receiver) part(env, received *soap.Envelope, sig *xmldsig.Signature, ref *xmldsig.Reference) Part {
	p := Part{URI: ref.URI, Prefixes: ref.C14N.Prefixes, Digest: base64.StdEncoding.EncodeToString(ref.Digest),
		Second: outsideItsLimits}
	method, ok := xmldsig.LookupDigest(ref.DigestMethod)
	if !ok {
		return p
	}
	for _, e := range []*soap.Envelope{env, received} {
		n, c14n := r.target(e, sig, ref)
		if n.IsZero() {
			continue
		}
		form := n.AppendCanonical(nil, c14n)
		p.Path, p.Canonical, p.Encrypted = n.Path(), string(form), hasCiphertext(n)
		if fips140.Enforced() && method.URI == xmldsig.SHA1 { // which panics then
			break
		}
		p.Computed = sum(method.New(), form)
		p.Second = secondOpinion(n, c14n, form, method.New())
		if p.Matches() {
			break
		}
	}
	return p
}

// hasCiphertext reports whether an element is, or holds, EncryptedData.
func hasCiphertext(n xmltext.Node) bool {
	if n.Is(xmlenc.NS, "EncryptedData") {
		return true
	}
	for d := range n.Descendants() {
		if d.Is(xmlenc.NS, "EncryptedData") {
			return true
		}
	}
	return false
}

// target finds the element that a Reference covers.
func (r *Receiver) target(e *soap.Envelope, sig *xmldsig.Signature, ref *xmldsig.Reference) (xmltext.Node,
	xmltext.C14N) {
	c14n, uri := ref.C14N, ref.URI
	if ref.STRTransform {
		if r.Policy.STRTransform != wssec.STRWCF {
			c14n.DefaultNS, c14n.Prefixes = true, append(slices.Clone(c14n.Prefixes), "#default")
		}
		reference := sig.KeyInfo.FirstChild().FirstChild()
		if uri, _ = reference.Attr("", "URI"); uri == "" { // Embedded
			return reference.FirstChild(), c14n
		}
	}
	for n := range e.Root.Descendants() {
		own := n.Space() == xmldsig.NS || n.Space() == xmlenc.NS
		id, ok := n.Attr(wssec.NSWSU, "Id")
		if !ok && own {
			id, ok = n.Attr("", "Id")
		}
		if ok && "#"+id == uri {
			return n, c14n
		}
	}
	return xmltext.Node{}, c14n
}

// What goxmldsig has to say.
const (
	agrees, disagrees, outsideItsLimits = "agrees", "disagrees", "outside its limits"
)

// secondOpinion has goxmldsig canonicalize an element, and compares form and
// digest.
func secondOpinion(n xmltext.Node, c xmltext.C14N, ours []byte, h hash.Hash) string {
	if c.DefaultNS || slices.Contains(c.Prefixes, "#default") || !within(n) {
		return outsideItsLimits
	}
	list := strings.Join(c.Prefixes, " ")
	theirs, err := dsig.MakeC14N10ExclusiveCanonicalizerWithPrefixList(list).Canonicalize(n.Element())
	if err != nil || !bytes.Equal(theirs, ours) || sum(h, theirs) != sum(h, ours) {
		return disagrees
	}
	return agrees
}

// sum returns a digest in base64.
func sum(h hash.Hash, octets []byte) string {
	h.Reset()
	h.Write(octets)
	return base64.StdEncoding.EncodeToString(h.Sum(nil))
}
