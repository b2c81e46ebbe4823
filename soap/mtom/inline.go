package mtom

import (
	"fmt"
	"strings"

	"github.com/wssgate/wssgate/internal/base64"
	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/soap/xmltext"
)

// Inline returns the envelope of a package, with the octets of each part as
// base64, without line ends, in the place of the xop:Include that names it (XOP
// 1.0 §3.2). What it returns is UTF-8 and begins with the Envelope's tag.
//
// It is strict: each part has one xop:Include that names it by a Content-ID that
// no other part has, with nothing beside it in its element, and each xop:Include
// has its part; lines end with CRLF; nothing stands outside of the parts but
// header fields of MIME before the first, which say nothing; the part with the
// envelope is application/xop+xml, for the same version as start-info. Header
// fields of the other parts, their media types among them, are part of no
// infoset and are dropped. A part that is multipart itself is octets like any
// other.
//
// Opt is for the envelope; its Charset is not used, that of the part is.
// MessageBytes also limits what is returned. Reserve is called before memory is
// allocated, as [xmltext.Scan] does. On success the sum of all calls is the
// length of what is returned; after an error it is zero.
//
// The error is an [*Error], an [*xmltext.SyntaxError] about the envelope as it
// stands in its part, or that of Reserve.
func Inline(body []byte, t Type, opt xmltext.Options) (envelope []byte, err error) {
	r := reader{opt: opt}
	if r.opt.MessageBytes == 0 {
		r.opt.MessageBytes = xmltext.DefaultMessageBytes
	}
	defer func() { r.release(len(envelope)) }()
	s := splitter{rest: body, mark: []byte("\n--" + t.Boundary), reserve: r.reserve}
	parts, err := s.split()
	if err != nil {
		return nil, err
	}
	root, err := t.root(parts)
	if err != nil {
		return nil, err
	}
	for i := range parts {
		if err := r.decode(&parts[i]); err != nil {
			return nil, fmt.Errorf("part %d: %w", i+1, err)
		}
	}
	return r.inline(parts, root)
}

// A reader reads one package.
type reader struct {
	opt  xmltext.Options
	held int // octets reserved
}

// reserve reserves octets for the message.
func (r *reader) reserve(octets int) error {
	if r.opt.Reserve == nil {
		return nil
	}
	if err := r.opt.Reserve(octets); err != nil {
		return err
	}
	r.held += octets
	return nil
}

// release gives back all but what is kept.
func (r *reader) release(kept int) {
	if r.opt.Reserve != nil && r.held != kept {
		_ = r.opt.Reserve(kept - r.held)
	}
}

// root returns the index of the part with the envelope (RFC 2387 §3.2).
func (t Type) root(parts []part) (int, error) {
	if len(parts) == 0 {
		return 0, errorf(CodePackage, "there are no parts")
	}
	root := -1
	for i := range parts {
		if t.Start == "" && i == 0 || t.Start != "" && parts[i].id == t.Start {
			if root >= 0 {
				return 0, errorf(CodePackage, "two parts have the Content-ID %.100q", t.Start)
			}
			root = i
		}
	}
	if root < 0 {
		return 0, errorf(CodePackage, "no part has the Content-ID %.100q of the parameter start", t.Start)
	}
	mediaType, params, err := parseMedia(parts[root].contentType)
	if err != nil || mediaType != xopXML {
		return 0, errorf(CodePackage, "the part with the envelope has the Content-Type %.200q, not %s",
			parts[root].contentType, xopXML)
	}
	if inner, given := params["type"]; given {
		if inner, _, _ := strings.Cut(inner, ";"); !strings.EqualFold(strings.TrimSpace(inner), t.Version.MediaType()) {
			return 0, errorf(CodePackage, "the part with the envelope has the type %.100q, and start-info is %s",
				inner, t.Version.MediaType())
		}
	}
	parts[root].charset = params["charset"]
	return root, nil
}

// decode undoes the Content-Transfer-Encoding of a part (RFC 2045 §6).
func (r *reader) decode(p *part) (err error) {
	switch p.encoding {
	case "base64":
		if err = r.reserve(base64.DecodedLen(len(p.octets))); err != nil {
			return err
		}
		p.octets, err = base64.AppendDecode(make([]byte, 0, base64.DecodedLen(len(p.octets))), p.octets)
	case "quoted-printable":
		if err = r.reserve(len(p.octets)); err != nil {
			return err
		}
		p.octets, err = decodeQuoted(p.octets)
	}
	if err != nil {
		return errorf(CodePackage, "its Content-Transfer-Encoding: %w", err)
	}
	return nil
}

// inline puts the parts into their places.
func (r *reader) inline(parts []part, root int) ([]byte, error) {
	opt := r.opt
	opt.Charset = parts[root].charset
	opt.Reserve = r.reserve
	doc, err := xmltext.Scan(parts[root].octets, opt)
	if err != nil {
		return nil, err
	}
	defer doc.Release()
	found, err := includes(doc.Root(), parts, root)
	if err != nil {
		return nil, err
	}
	at, _, _, end := doc.Root().SourceRange()
	size := end - at
	for _, i := range found {
		size += base64.EncodedLen(len(i.part.octets)) - (i.end - i.start)
	}
	if limit := r.opt.MessageBytes; limit >= 0 && size > limit {
		return nil, errorf(CodeTooLarge, "%d octets with its attachments, limit %d", size, limit)
	}
	if err := r.reserve(size); err != nil {
		return nil, err
	}
	out, src := make([]byte, 0, size), doc.Source()
	for _, i := range found {
		out = append(out, src[at:i.start]...)
		out = base64.AppendEncode(out, i.part.octets)
		at = i.end
	}
	return append(out, src[at:end]...), nil
}

// Envelope parses the envelope of a package; see [Inline] and [soap.Parse]. An
// envelope of another version than that of start-info is an error of
// CodePackage.
func Envelope(body []byte, t Type, opt xmltext.Options) (*soap.Envelope, error) {
	text, err := Inline(body, t, opt)
	if err != nil {
		return nil, err
	}
	opt.Charset = ""
	env, err := soap.Parse(text, opt)
	if err == nil && env.Version != t.Version {
		err = errorf(CodePackage, "%v envelope, and start-info is %s", env.Version, t.Version.MediaType())
	}
	if err != nil {
		return nil, err
	}
	return env, nil
}
