package wssec

import (
	"errors"
	"strings"
	"testing"

	"github.com/wssgate/wssgate/soap"
)

// verificationOf returns the verification of a message under a symmetric policy,
// up to and including findHeader.
func verificationOf(t testing.TB, env *soap.Envelope, change func(*Policy)) *verification {
	t.Helper()
	v := &verification{p: writerOf(t, change).p, ctx: t.Context(), env: env}
	if err := v.findHeader(); err != nil {
		t.Fatal(err)
	}
	return v
}

// wantCode fails the test unless err is an *Error of that code, or nil for "".
func wantCode(t testing.TB, name string, err error, want Code) {
	t.Helper()
	var e *Error
	if want == "" && err != nil || want != "" && (!errors.As(err, &e) || e.Code != want) {
		t.Errorf("%s: %v, want %q", name, err, want)
	}
}

const securityStart, securityEnd = `<w:Security xmlns:w="` + NSWSSE + `">`, `</w:Security>`

// TestReadHeaderBoundsElementsOfEachKind: a sender must not make us work for
// more elements than any peer sends.
func TestReadHeaderBoundsElementsOfEachKind(t *testing.T) {
	t.Parallel()
	list := `<x:ReferenceList xmlns:x="` + nsXenc + `"><x:DataReference URI="#a"/></x:ReferenceList>`
	derived := `<c:DerivedKeyToken xmlns:c="` + NSWSC13 + `"/>`
	data := `<x:EncryptedData xmlns:x="` + nsXenc + `"/>`
	for name, tt := range map[string]struct {
		element string
		most    int
	}{
		"DerivedKeyToken": {derived, maxDerivedKeyTokens},
		"ReferenceList":   {list, maxReferenceLists},
		"EncryptedData":   {data, maxEncryptedSignatures},
	} {
		for n, want := range map[int]Code{tt.most: "", tt.most + 1: CodeLimit} {
			env := envelopeOf(t, securityStart+strings.Repeat(tt.element, n)+securityEnd, ``)
			wantCode(t, name, verificationOf(t, env, nil).readHeader(), want)
		}
	}
}

func TestReadHeaderRejectsWhatIsNotSupported(t *testing.T) {
	t.Parallel()
	timestamp := `<u:Timestamp xmlns:u="` + NSWSU + `"><u:Created>2026-01-31T12:00:00Z</u:Created></u:Timestamp>`
	for content, want := range map[string]Code{
		timestamp:             "",
		timestamp + timestamp: CodeTimestampInvalid,
		`text`:                CodeSecurityInvalid,
		`<w:UsernameToken/>`:  CodeUnsupportedToken,
		`<Timestamp/>`:        CodeUnsupportedToken,
		// in a request
		`<p:SignatureConfirmation xmlns:p="` + NSWSSE11 + `"/>`:                                  CodeUnsupportedToken,
		`<p:Assertion xmlns:p="` + nsSAML2 + `"/>`:                                               CodeUnsupportedToken,
		`<w:BinarySecurityToken/><w:BinarySecurityToken/>`:                                       CodeUnsupportedToken,
		`<d:Signature xmlns:d="` + nsDS + `"/>`:                                                  CodeSecurityInvalid,
		`<x:ReferenceList xmlns:x="` + nsXenc + `"><x:KeyReference URI="#a"/></x:ReferenceList>`: CodeSecurityInvalid,
	} {
		v := verificationOf(t, envelopeOf(t, securityStart+content+securityEnd, ``), nil)
		wantCode(t, content, v.readHeader(), want)
	}
}

// TestUnsupportedTokenErrorNamesTheAcceptedToken: so that an operator knows what
// the client has to send.
func TestUnsupportedTokenErrorNamesTheAcceptedToken(t *testing.T) {
	t.Parallel()
	v := verificationOf(t, envelopeOf(t, securityStart+`<w:UsernameToken/>`+securityEnd, ``), nil)
	for name, err := range map[string]error{"unsupported": v.readHeader(), "missing": v.acceptToken()} {
		if err == nil || !strings.Contains(err.Error(), "accepts kerberos (protection-token)") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestFindHeaderTakesTheOneForThisNode(t *testing.T) {
	t.Parallel()
	header := func(actor string) string {
		return `<w:Security xmlns:w="` + NSWSSE + `" s:actor="` + actor + `"/>`
	}
	own := securityStart + securityEnd
	for blocks, codes := range map[string][2]Code{ // without an actor of our own, and as urn:x and urn:y
		``:                                {CodeSecurityMissing, CodeSecurityMissing},
		own:                               {"", ""},
		header(""):                        {"", ""},
		header(soap.ActorNext):            {"", ""},
		header(soap.RoleUltimateReceiver): {"", ""},
		header("urn:x"):                   {CodeSecurityMissing, ""},
		header("urn:y"):                   {CodeSecurityMissing, ""},
		header("URN:X"):                   {CodeSecurityMissing, CodeSecurityMissing},
		header("urn:z"):                   {CodeSecurityMissing, CodeSecurityMissing},
		own + header("urn:z"):             {"", ""},
		own + header("urn:x"):             {"", CodeSecurityDuplicate},
		header("urn:x") + header("urn:y"): {CodeSecurityMissing, CodeSecurityDuplicate},
		own + own:                         {CodeSecurityDuplicate, CodeSecurityDuplicate},
		own + header(""):                  {CodeSecurityDuplicate, CodeSecurityDuplicate},
		own + header(soap.ActorNext):      {CodeSecurityDuplicate, CodeSecurityDuplicate},
		header(soap.ActorNext) + header(soap.RoleUltimateReceiver): {CodeSecurityDuplicate, CodeSecurityDuplicate},
	} {
		for i, actors := range [][]string{nil, {"urn:x", "urn:y"}} {
			v := &verification{p: writerOf(t, func(p *Policy) { p.Actors = actors }).p, env: envelopeOf(t, blocks, ``)}
			wantCode(t, blocks, v.findHeader(), codes[i])
		}
	}
}
