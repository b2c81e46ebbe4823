package pac_test

import (
	"bytes"
	"testing"

	"github.com/wssgate/wssgate/kerberos/krbtest"
	"github.com/wssgate/wssgate/kerberos/pac"
)

// list returns the content of AuthorizationData with these elements.
func list(elements ...[]byte) []byte { return bytes.Join(elements, nil) }

func TestFindLooksIntoIfRelevant(t *testing.T) {
	t.Parallel()
	one := krbtest.AuthzElement(128, []byte("pac"))
	nested := func(depth int, inner ...[]byte) []byte {
		b := list(inner...)
		for range depth {
			b = krbtest.AuthzElement(1, krbtest.AuthzSequence(b))
		}
		return b
	}
	for name, test := range map[string]struct {
		data []byte
		want string
		bad  bool
	}{
		"none":                    {nil, "", false},
		"another type":            {krbtest.AuthzElement(4, []byte("pac")), "", false},
		"bare":                    {one, "pac", false},
		"in AD-IF-RELEVANT":       {nested(1, one), "pac", false},
		"as deep as may be":       {nested(pac.MaxAuthzDepth, one), "pac", false},
		"too deep":                {nested(pac.MaxAuthzDepth+1, one), "", true},
		"two":                     {list(one, one), "pac", true},
		"one in, one out":         {list(nested(1, one), one), "pac", true},
		"AD-IF-RELEVANT: garbage": {krbtest.AuthzElement(1, []byte("garbage")), "", true},
		"cut off":                 {one[:len(one)-1], "", true},
	} {
		got, err := pac.Find(test.data)
		if (err != nil) != test.bad || err == nil && string(got) != test.want {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}
