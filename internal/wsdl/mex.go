package wsdl

import (
	"bytes"
	"context"
	"strings"

	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/soap/xmltext"
)

// NamespaceMEX is that of WS-MetadataExchange of September 2004, which WCF and CXF
// have.
const NamespaceMEX = "http://schemas.xmlsoap.org/ws/2004/09/mex"

// The actions of requests for metadata: Get of WS-Transfer, and GetMetadata of
// WS-MetadataExchange §4.2.
const (
	actionGet         = "http://schemas.xmlsoap.org/ws/2004/09/transfer/Get"
	actionGetMetadata = NamespaceMEX + "/GetMetadata/Request"
)

// A section is what a MetadataSection says of a document.
type section struct{ dialect, identifier, key string }

func newSection(d *Document, key string) section {
	dialect := NamespaceWSDL
	if d.Kind == KindSchema {
		dialect = NamespaceSchema
	}
	return section{dialect, strings.Clone(d.TargetNamespace), key}
}

// IsMetadataRequest reports whether a message asks for metadata.
func IsMetadataRequest(env *soap.Envelope) bool { return metadataReply(env) != "" }

// metadataReply returns the action of the reply to a request for metadata, "" if
// a message is none.
func metadataReply(env *soap.Envelope) string {
	a, _ := env.Addressing()
	switch a.Text(a.Action) {
	case actionGet:
		return actionGet + "Response"
	case actionGetMetadata:
		return NamespaceMEX + "/GetMetadata/Response"
	}
	return ""
}

// MetadataSize is as [Publisher.Size], for the reply to a request for metadata.
func (p *Publisher) MetadataSize(ctx context.Context) (size, marks int, err error) {
	all, err := p.current(ctx)
	if err != nil {
		return 0, 0, err
	}
	for _, t := range all.documents {
		size += len(t) + 512
		marks += bytes.Count(t, []byte(mark))
	}
	return size, marks, nil
}

// Metadata returns the reply to a request for metadata: all documents, or those
// of the dialect and identifier that GetMetadata names. address is that of the
// service.
func (p *Publisher) Metadata(ctx context.Context, env *soap.Envelope, address string) ([]byte, error) {
	all, err := p.current(ctx)
	if err != nil {
		return nil, err
	}
	request := env.Body.Child(NamespaceMEX, "GetMetadata")
	named := func(name string) func(string) bool { // the text of what may be large is made once
		n := request.Child(NamespaceMEX, name)
		text := strings.TrimSpace(n.Text())
		return func(of string) bool { return n.IsZero() || text == of }
	}
	isDialect, isIdentifier := named("Dialect"), named("Identifier")
	b := []byte(`<e:Envelope xmlns:e="` + env.Version.Namespace() + `">` + metadataHeader(env) +
		`<e:Body><mex:Metadata xmlns:mex="` + NamespaceMEX + `">`)
	for _, s := range all.sections {
		if !isDialect(s.dialect) || !isIdentifier(s.identifier) {
			continue
		}
		_, document, _ := bytes.Cut(all.documents[s.key], []byte("\n")) // without the XML declaration
		b = append(b, "<mex:MetadataSection"+attr("Dialect", s.dialect)+attr("Identifier", s.identifier)+">"...)
		b = append(append(b, fill(document, address)...), `</mex:MetadataSection>`...)
	}
	return append(b, `</mex:Metadata></e:Body></e:Envelope>`...), nil
}

// metadataHeader returns the header of the reply to a request for metadata.
func metadataHeader(env *soap.Envelope) string {
	a, _ := env.Addressing()
	block := func(name, text string) string {
		return `<wsa:` + name + `>` + string(xmltext.AppendEscapedText(nil, text)) + `</wsa:` + name + `>`
	}
	out := `<e:Header xmlns:wsa="` + a.Namespace + `">` + block("Action", metadataReply(env))
	if id := a.Text(a.MessageID); id != "" {
		out += block("RelatesTo", id)
	}
	if a.Namespace == soap.NSAddressing04 {
		out += block("To", soap.NSAddressing04+"/role/anonymous")
	}
	return out + `</e:Header>`
}
