package main

// Namespaces and URIs, typed from the specifications.
const (
	nsSOAP11 = "http://schemas.xmlsoap.org/soap/envelope/"
	nsSOAP12 = "http://www.w3.org/2003/05/soap-envelope"
	nsWSSE   = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
	nsWSU    = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd"
	nsWSSE11 = "http://docs.oasis-open.org/wss/oasis-wss-wssecurity-secext-1.1.xsd"
	nsSC05   = "http://schemas.xmlsoap.org/ws/2005/02/sc"
	nsSC13   = "http://docs.oasis-open.org/ws-sx/ws-secureconversation/200512"
	nsWST05  = "http://schemas.xmlsoap.org/ws/2005/02/trust"
	nsWST13  = "http://docs.oasis-open.org/ws-sx/ws-trust/200512"
	nsDS     = "http://www.w3.org/2000/09/xmldsig#"
	nsMore   = "http://www.w3.org/2001/04/xmldsig-more#"
	nsXenc   = "http://www.w3.org/2001/04/xmlenc#"
	nsXenc11 = "http://www.w3.org/2009/xmlenc11#"
	nsEC     = "http://www.w3.org/2001/10/xml-exc-c14n#"
	nsWSA    = "http://www.w3.org/2005/08/addressing"
	nsWSA04  = "http://schemas.xmlsoap.org/ws/2004/08/addressing"
	nsApp    = "urn:example:orders"

	msgSec    = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-soap-message-security-1.0#"
	base64URI = msgSec + "Base64Binary"
	strURI    = msgSec + "STR-Transform"
	ktp       = "http://docs.oasis-open.org/wss/oasis-wss-kerberos-token-profile-1.1#"
	gssToken  = ktp + "GSS_Kerberosv5_AP_REQ"
	tokenSHA1 = ktp + "Kerberosv5APREQSHA1"
	ekSHA1    = "http://docs.oasis-open.org/wss/oasis-wss-soap-message-security-1.1#EncryptedKeySHA1"

	hmacSHA1  = nsDS + "hmac-sha1"
	sha1URI   = nsDS + "sha1"
	sha256URI = nsXenc + "sha256"
	sha384URI = nsMore + "sha384"
	sha512URI = nsXenc + "sha512"
	tripleDES = nsXenc + "tripledes-cbc"
	aes128CBC = nsXenc + "aes128-cbc"
	aes192CBC = nsXenc + "aes192-cbc"
	aes256CBC = nsXenc + "aes256-cbc"
	kwAES     = nsXenc + "kw-aes"

	defaultLabel = "WS-SecureConversationWS-SecureConversation"
)

// signatureURI is the URI of a signature-method.
func signatureURI(name string) string {
	if name == "" || name == "hmac-sha1" {
		return hmacSHA1
	}
	return nsMore + name
}

// digestURI is the URI of a digest-method, or of the suite's.
func digestURI(name string, s suite) string {
	switch name {
	case "sha1":
		return sha1URI
	case "sha256":
		return sha256URI
	case "sha384":
		return sha384URI
	case "sha512":
		return sha512URI
	}
	return s.digest
}
