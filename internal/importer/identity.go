package importer

import (
	"mime"
	"strings"

	"github.com/wssgate/wssgate/internal/wsdl"
	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/soap/xmltext"
)

// namespaceIdentity is that of the identity of an endpoint.
const namespaceIdentity = "http://schemas.xmlsoap.org/ws/2006/02/addressingidentity"

// An identity is the principal that clients ask for tickets for.
type identity struct {
	service string // "" if the WSDL does not say
	at      wsdl.Place
	note    string // what an operator should know about it
}

// identityOf reads the wsid:Identity of a port, which stands in an
// EndpointReference of WS-Addressing.
func identityOf(d *wsdl.Document, port xmltext.Node) identity {
	for epr := range port.Children() {
		if epr.Local() != "EndpointReference" {
			continue
		}
		found := epr.Child(namespaceIdentity, "Identity")
		if found.IsZero() {
			continue
		}
		for c := range found.Children() {
			if c.Space() == namespaceIdentity {
				return identityFrom(c.Local(), strings.TrimSpace(c.Text()), d.Place(c))
			}
		}
		return identity{at: d.Place(found), note: "this identity names no principal"}
	}
	return identity{}
}

// identityFrom returns the identity that an element of that name says.
func identityFrom(local, value string, at wsdl.Place) identity {
	id := identity{at: at}
	switch local {
	case "Spn":
		id.service = value
	case "Dns": // WCF's clients ask for the ticket of this host
		id.service, id.note = "host/"+value, "the identity is a DNS name, for which WCF's clients ask for tickets of host/"
	case "Upn":
		id.note = "the identity is the user " + value + ": its keytab is what wssgate needs"
	default:
		id.note = "the identity " + local + " names no principal"
	}
	if p, err := kerberos.ParsePrincipal(id.service); id.service != "" && (err != nil || p.String() == "") {
		id.service, id.note = "", "the identity "+value+" is no principal"
	}
	return id
}

// charsetOf returns the charset of a Content-Type, "" without.
func charsetOf(contentType string) string {
	_, params, err := mime.ParseMediaType(contentType)
	if err != nil {
		return ""
	}
	return params["charset"]
}
