package wssec

import "github.com/wssgate/wssgate/soap/xmltext"

// Namespaces of WS-Security and its companions, and the URIs that name token
// types.
const (
	NSWSSE   = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
	NSWSU    = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd"
	NSWSSE11 = "http://docs.oasis-open.org/wss/oasis-wss-wssecurity-secext-1.1.xsd"
	NSWSC05  = "http://schemas.xmlsoap.org/ws/2005/02/sc"
	NSWSC13  = "http://docs.oasis-open.org/ws-sx/ws-secureconversation/200512"

	nsXenc   = "http://www.w3.org/2001/04/xmlenc#"
	nsXenc11 = "http://www.w3.org/2009/xmlenc11#"
	nsSAML1  = "urn:oasis:names:tc:SAML:1.0:assertion"
	nsSAML2  = "urn:oasis:names:tc:SAML:2.0:assertion"
	nsDS     = "http://www.w3.org/2000/09/xmldsig#"
	nsXML    = "http://www.w3.org/XML/1998/namespace"

	nsMicrosoft = "http://schemas.microsoft.com/ws/2006/05/security" // of WCF's own elements

	// EncodingBase64 is the EncodingType of BinarySecurityToken and
	// KeyIdentifier; absent means the same.
	EncodingBase64 = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-soap-message-security-1.0#Base64Binary"
)

// belongsToSecurity reports whether an element belongs in a Security header:
// all of WS-Security, its utility namespace, WS-SecureConversation, XML
// Signature, XML Encryption and SAML, except the Security header itself
// (another actor's) and what stands for an encrypted header block or content.
func belongsToSecurity(n xmltext.Node) bool {
	switch n.Space() {
	case NSWSSE:
		return n.Local() != "Security"
	case NSWSSE11:
		return n.Local() != "EncryptedHeader"
	case nsXenc:
		return n.Local() != "EncryptedData"
	case NSWSU, NSWSC05, NSWSC13, nsDS, nsXenc11, nsSAML1, nsSAML2:
		return true
	}
	return false
}

// isSC reports whether space is a namespace of WS-SecureConversation.
func isSC(space string) bool { return space == NSWSC05 || space == NSWSC13 }
