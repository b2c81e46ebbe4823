package gateway

import (
	"errors"
	"net/http"

	"github.com/wssgate/wssgate/internal/buffer"
	"github.com/wssgate/wssgate/internal/door"
	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/soap/mtom"
	"github.com/wssgate/wssgate/soap/soaphttp"
	"github.com/wssgate/wssgate/soap/xmltext"
)

// MTOM is what becomes of messages in a package of SOAP MTOM.
type MTOM string

// What a route may do with them. All between the two ends, digests above all, is
// of the envelope with its attachments inline.
const (
	MTOMInline MTOM = "inline" // accepted; forwarded and answered inline, as is the zero value
	MTOMKeep   MTOM = "mtom"   // forwarded as a package, and answered by one
	MTOMRefuse MTOM = "refuse"
)

// mediaOf is [soaphttp.MediaOf] for a message that may be in a package. Pack is
// nil if it is in none.
func (x *exchange) mediaOf(h http.Header) (m soaphttp.Media, pack *mtom.Type, err error) {
	m, err = soaphttp.MediaOf(h)
	refused, multipart := errors.AsType[*soaphttp.Error](err)
	if !multipart || refused.Code != soaphttp.CodeMultipart || x.rt.MTOM == MTOMRefuse {
		return m, nil, err
	}
	t, err := mtom.ParseType(h.Get("Content-Type"))
	if failed, ok := errors.AsType[*mtom.Error](err); ok && failed.Code == mtom.CodePackage {
		return m, nil, &Error{Code: CodeMediaType, Err: err}
	}
	if err != nil {
		return m, nil, packageError(err)
	}
	return m, &t, nil
}

// inline returns the envelope of a package in its place: src, or what is made of
// it if pack is not nil. It gives src back then.
func (x *exchange) inline(src *buffer.Buffer, pack *mtom.Type) (*buffer.Buffer, error) {
	if pack == nil {
		return src, nil
	}
	envelope, err := mtom.Inline(src.Octets, *pack, x.g.xml(x.lease))
	if err != nil {
		return nil, packageError(err)
	}
	if n := len(src.Octets); n > oneBuffer {
		_ = x.lease.take(int64(-n))
	}
	src.Free()
	return &buffer.Buffer{Octets: envelope}, nil
}

// checkPlaintext refuses a message from a package whose plaintext has an
// xop:Include: what was encrypted there is the name of a part, and the part would
// not have been protected (CXF's streaming client sends such messages).
func (x *exchange) checkPlaintext(in door.Admitted) error {
	if x.in.pack == nil || !mtom.HasInclude(in.Envelope().Root) {
		return nil
	}
	return &Error{Code: CodeInclude, Err: errors.New("the plaintext has an xop:Include")}
}

// keepsPackage reports whether what is forwarded and answered is in a package, as
// the request was.
func (x *exchange) keepsPackage() bool { return x.in.pack != nil && x.rt.MTOM == MTOMKeep }

// pack returns the package of an envelope and its Content-Type. The lease holds
// what it takes until the exchange ends.
func (x *exchange) pack(envelope []byte, action string) (body []byte, contentType string, err error) {
	opt := x.g.xml(x.lease)
	opt.Limits = xmltext.Limits{MessageBytes: -1, Elements: -1, Attributes: -1} // ours: two messages that were within them
	form := mtom.Form{Version: x.in.Version, Action: action}
	body, contentType, err = mtom.Append(nil, envelope, form, opt)
	return body, contentType, packageError(err)
}

// packForward makes a package of the message that is forwarded.
func (x *exchange) packForward(out *outgoing) error {
	action := ""
	if x.in.Version == soap.V12 {
		action = x.action
	}
	body, contentType, err := x.pack(out.Octets, action)
	if err != nil {
		return err
	}
	out.Free()
	out.Buffer, out.contentType = &buffer.Buffer{Octets: body}, contentType
	return nil
}

// packAnswer makes a package of a reply, if it has to be one.
func (x *exchange) packAnswer(a answer) (answer, error) {
	if !x.keepsPackage() {
		return a, nil
	}
	var err error
	a.body, a.contentType, err = x.pack(a.body, "")
	return a, err
}

// xml returns the options by which envelopes are scanned.
func (g *Gateway) xml(l *lease) xmltext.Options {
	return xmltext.Options{Limits: xmltext.Limits{MessageBytes: int(g.cfg.MaxMessage)},
		RelativeNamespaces: g.cfg.RelativeNamespaces, Reserve: l.reserve}
}

// packageError returns an error of package mtom as an [Error], which has codes
// for it.
func packageError(err error) error {
	failed, ok := errors.AsType[*mtom.Error](err)
	if !ok {
		return err
	}
	code := map[mtom.Code]Code{mtom.CodeAttachments: CodeAttachments, mtom.CodePackage: CodePackage,
		mtom.CodeInclude: CodeInclude, mtom.CodeTooLarge: CodeTooLarge}[failed.Code]
	return &Error{Code: code, Err: err}
}
