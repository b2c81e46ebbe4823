package pac

import (
	"github.com/wssgate/wssgate/kerberos/internal/der"
	"github.com/wssgate/wssgate/kerberos/internal/krbmsg"
)

// MaxAuthzDepth bounds lists in lists, such as AD-IF-RELEVANT in
// AD-IF-RELEVANT.
const MaxAuthzDepth = 4

// Find returns the PAC in a ticket's AuthorizationData (MS-PAC 3.1), or nil if
// there is none. The client writes the authenticator's AuthorizationData, so
// that is never searched.
func Find(authzData []byte) ([]byte, error) {
	p := der.Parser{In: "authorization-data of the ticket"}
	var pac []byte
	walkAuthzData(&p, authzData, 0, &pac)
	return pac, p.Err
}

func walkAuthzData(p *der.Parser, list []byte, depth int, pac *[]byte) {
	for len(list) > 0 && p.Err == nil {
		switch kind, data := krbmsg.ReadAuthzElement(p, &list); {
		case p.Err != nil:
		case kind == krbmsg.ADWin2kPAC && *pac != nil:
			p.Fail("AD-WIN2K-PAC", "there are two")
		case kind == krbmsg.ADWin2kPAC:
			*pac = data
		case kind == krbmsg.ADIfRelevant && depth == MaxAuthzDepth:
			p.Fail("AD-IF-RELEVANT", "nested too deep")
		case kind == krbmsg.ADIfRelevant:
			walkAuthzData(p, p.Whole(data, der.TagSequence, "AD-IF-RELEVANT"), depth+1, pac)
		}
	}
}
