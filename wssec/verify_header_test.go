package wssec_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/wssec"
)

// TestVerifyErrorNamesTheActorOfASecurityHeader: whoever reads the log would
// look for a header that is there. The policy can name its actor.
func TestVerifyErrorNamesTheActorOfASecurityHeader(t *testing.T) {
	t.Parallel()
	soap12 := strings.Replace(plainOrder, soap.NS11, soap.NS12, 1)
	for _, tc := range []struct{ plain, attr, actor string }{
		{plainOrder, "actor", "urn:other"},
		{soap12, "role", soap.RoleNone},
		{soap12, "role", "urn:other"},
	} {
		ps := newPeers(t, symmetric(), nil)
		raw, _ := ps.request(t, tc.plain)
		msg := regexp.MustCompile(`env:mustUnderstand="[^"]*"`).ReplaceAllString(string(raw), `${0} env:`+tc.attr+`="`+
			tc.actor+`"`)
		_, err := ps.verify(t, []byte(msg))
		refused(t, err, wssec.CodeSecurityMissing)
		if want := `is for the ` + tc.attr + ` "` + tc.actor + `"; this route takes one without ` + tc.attr +
			` or for next (actor)`; !strings.Contains(err.Error(), want) {
			t.Errorf("%v\nwant %s", err, want)
		}
		ps.serve(t, symmetric(func(p *wssec.Policy) { p.Actors = []string{"urn:gate"} }))
		_, err = ps.verify(t, []byte(msg))
		refused(t, err, wssec.CodeSecurityMissing)
		if want := ` or for next, "urn:gate" (actor)`; !strings.Contains(err.Error(), want) {
			t.Errorf("%v\nwant %s", err, want)
		}
	}
}

// TestVerifyRejectsSecurityHeadersMovedBetweenActors: no digest covers the actor
// of a Security header, so an attacker on the path can move it to another
// actor, and put one of their own where it stood. Two for this node are refused,
// whichever stands first.
func TestVerifyRejectsSecurityHeadersMovedBetweenActors(t *testing.T) {
	t.Parallel()
	for _, version := range []soap.Version{soap.V11, soap.V12} {
		attr := map[soap.Version]string{soap.V11: "s:actor", soap.V12: "s:role"}[version]
		other := map[soap.Version]string{soap.V11: "s:role", soap.V12: "s:actor"}[version]
		ps := newPeers(t, signOnly(func(p *wssec.Policy) { p.Actors = []string{"urn:gate", "urn:two"} }), nil)
		raw, _ := ps.request(t, strings.Replace(plainOrder, soap.NS11, version.Namespace(), 1))
		good := string(raw)
		own := find(t, good, `(<wsse:Security .*</wsse:Security>)`)
		moved := func(actor string) string {
			return regexp.MustCompile(`env:(actor|role)="urn:gate"`).ReplaceAllString(own, `env:`+attr[2:]+`="`+actor+`"`)
		}
		fake := func(attribute string) string {
			return `<wsse:Security xmlns:wsse="` + wssec.NSWSSE + `"` + attribute + `/>`
		}
		fakeFor := func(actor string) string { return fake(` ` + attr + `="` + actor + `"`) }
		for name, tt := range map[string]struct {
			headers string
			code    wssec.Code // "" if it is accepted
		}{
			"as sent":                       {own, ""},
			"to our other actor":            {moved("urn:two"), ""}, // it is one node
			"to the ultimate receiver":      {moved(soap.RoleUltimateReceiver), ""},
			"to another":                    {moved("urn:backend"), wssec.CodeSecurityMissing},
			"to another, a fake in place":   {fake("") + moved("urn:backend"), wssec.CodeTimestampMissing},
			"to another, a fake for next":   {moved("urn:backend") + fakeFor(nextOf(version)), wssec.CodeTimestampMissing},
			"a fake without actor":          {own + fake(""), wssec.CodeSecurityDuplicate},
			"a fake before it":              {fake("") + own, wssec.CodeSecurityDuplicate},
			"a fake with an empty actor":    {own + fakeFor(``), wssec.CodeSecurityDuplicate},
			"a fake for next":               {own + fakeFor(nextOf(version)), wssec.CodeSecurityDuplicate},
			"a fake for the last":           {own + fakeFor(soap.RoleUltimateReceiver), wssec.CodeSecurityDuplicate},
			"a fake for our other actor":    {fakeFor(`urn:two`) + own, wssec.CodeSecurityDuplicate},
			"a fake with white space":       {own + fakeFor(`&#10; urn:two `), wssec.CodeSecurityDuplicate},
			"the attribute of the other":    {own + fake(` `+other+`="urn:backend"`), wssec.CodeSecurityDuplicate},
			"an attribute in no namespace":  {own + fake(` `+attr[2:]+`="urn:backend"`), wssec.CodeSecurityDuplicate},
			"twice, once for another":       {own + moved("urn:backend"), wssec.CodeDuplicateID},
			"twice, both for us":            {own + moved("urn:two"), wssec.CodeSecurityDuplicate},
			"a fake for another, beside it": {own + fakeFor(`urn:backend`), ""},
		} {
			_, err := ps.verify(t, []byte(replace(t, good, own, tt.headers)))
			if tt.code == "" && err == nil {
				continue
			}
			t.Run(version.String()+"/"+name, func(t *testing.T) { refused(t, err, tt.code) })
		}
	}
}

// nextOf returns the role next of a version.
func nextOf(v soap.Version) string {
	if v == soap.V12 {
		return soap.RoleNext
	}
	return soap.ActorNext
}

// TestVerifyCoversTheRolesOfSignedHeaderBlocks: whom a signed block is for, and
// what may become of it, cannot be changed on the way.
func TestVerifyCoversTheRolesOfSignedHeaderBlocks(t *testing.T) {
	t.Parallel()
	ps := newPeers(t, signOnly(func(p *wssec.Policy) { p.SignedParts.Headers = []string{"{urn:h}*"} }), nil)
	plain := `<s:Envelope xmlns:s="` + soap.NS12 + `"><s:Header><h xmlns="urn:h" s:role="urn:b" s:relay="false" ` +
		`s:mustUnderstand="true">x</h></s:Header><s:Body><m/></s:Body></s:Envelope>`
	raw, _ := ps.request(t, plain)
	if _, err := ps.verify(t, raw); err != nil {
		t.Fatal(err)
	}
	for _, change := range [][2]string{
		{`s:role="urn:b"`, `s:role="` + soap.RoleNext + `"`}, {`s:role="urn:b"`, `s:role=" urn:b"`}, {` s:role="urn:b"`, ``},
		{`s:relay="false"`, `s:relay="true"`}, {` s:relay="false"`, ``}, {`s:relay="false"`, `s:relay="0"`},
		{`s:mustUnderstand="true"`, `s:mustUnderstand="false"`}, {` s:mustUnderstand="true"`, ``},
	} {
		_, err := ps.verify(t, []byte(replace(t, string(raw), change[0], change[1])))
		refused(t, err, wssec.CodeDigestInvalid)
	}
}
