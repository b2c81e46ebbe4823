package krbmsg_test

import (
	"testing"

	"github.com/wssgate/wssgate/kerberos/internal/der"
	"github.com/wssgate/wssgate/kerberos/internal/krbmsg"
)

func TestReadAuthzElementTakesOneElement(t *testing.T) {
	t.Parallel()
	first := der.Element(der.TagSequence, der.Field(0, der.TagInteger, der.Integer(-5)),
		der.Field(1, der.TagOctetString, []byte("data")))
	list := append(first, 0x30, 0)
	p := der.Parser{In: "test"}
	if kind, data := krbmsg.ReadAuthzElement(&p, &list); p.Err != nil || kind != -5 || string(data) != "data" {
		t.Errorf("%d, %q, %v", kind, data, p.Err)
	}
	if len(list) != 2 {
		t.Errorf("%d octets are left", len(list))
	}
	if krbmsg.ReadAuthzElement(&p, &list); p.Err == nil {
		t.Error("an element without a type is read")
	}
}
