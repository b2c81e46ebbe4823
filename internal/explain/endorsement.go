package explain

import (
	"github.com/wssgate/wssgate/soap/xmltext"
	"github.com/wssgate/wssgate/wssec"
)

// endorsing returns the SecurityContextToken in a Security header that stands
// beside the token of the policy and endorses the message (WS-SecurityPolicy
// §8.3); zero if there is none.
func endorsing(security xmltext.Node) (token xmltext.Node) {
	others := 0
	for c := range security.Children() {
		switch {
		case c.Is(wssec.NSWSSE, "BinarySecurityToken"):
			others++
		case isSC(c, "SecurityContextToken"):
			token = c
			others++
		}
	}
	if others < 2 {
		return xmltext.Node{}
	}
	return token
}

// identifierOf returns the Identifier in a SecurityContextToken.
func identifierOf(sct xmltext.Node) string {
	if sct.IsZero() {
		return ""
	}
	return sct.Child(sct.Space(), "Identifier").Text()
}
