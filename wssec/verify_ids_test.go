package wssec_test

import (
	"strings"
	"testing"

	"github.com/wssgate/wssgate/wssec"
)

func TestVerifyAcceptsEqualIdsInTheBody(t *testing.T) {
	t.Parallel()
	ps := newPeers(t, signOnly(), nil)
	raw, _ := ps.request(t, replace(t, plainOrder, "<amount>", `<x Id="1" ID="1"/><x Id="1"/><amount>`))
	msg := string(raw)
	token := find(t, msg, `wsu:Id="(BST-[^"]*)"`)
	if _, err := ps.verify(t, raw); err != nil {
		t.Fatal(err)
	}
	// CXF's Cancel repeats the token's wsu:Id in the Body; signed there, it is
	// nobody's business.
	again, _ := ps.request(t, replace(t, plainOrder, "<amount>", `<x xmlns:u="`+wssec.NSWSU+`" u:Id="`+token+
		`"/><amount>`))
	msg = string(again)
	id := find(t, msg, `wsu:Id="(BST-[^"]*)"`)
	if _, err := ps.verify(t, []byte(strings.ReplaceAll(msg, id, token))); err != nil {
		t.Fatal("the token's Id again in the Body:", err)
	}
	msg = replace(t, string(raw), `</s:Header>`, `<h:h xmlns:h="urn:h" Id="`+token+`"/></s:Header>`)
	_, err := ps.verify(t, []byte(msg))
	refused(t, err, wssec.CodeDuplicateID)
}

func TestVerifyBoundsHeaderBlocks(t *testing.T) {
	t.Parallel()
	ps := newPeers(t, symmetric(), nil)
	msg, _ := ps.request(t, plainOrder)
	_, err := ps.verify(t, []byte(replace(t, string(msg), `</s:Header>`, strings.Repeat(`<h xmlns="urn:h"/>`, 300)+
		`</s:Header>`)))
	refused(t, err, wssec.CodeLimit)
}
