package door_test

import (
	"context"
	"encoding/base64"
	"errors"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/wssgate/wssgate/internal/door"
	"github.com/wssgate/wssgate/internal/location"
	"github.com/wssgate/wssgate/kerberos/gss"
	"github.com/wssgate/wssgate/kerberos/krbtest"
	"github.com/wssgate/wssgate/wssec"
)

// at returns the door of a policy whose tokens stand at some places.
func (w *world) at(p wssec.Policy, places ...string) *door.Security {
	w.Helper()
	p.TokenOnce = false
	return w.security(p).WithTokens(door.Tokens{
		Locations: location.NewCurrent(w.locations(places...)), Unwrap: gss.MechToken,
	})
}

func (w *world) locations(texts ...string) (all location.Locations) {
	w.Helper()
	for _, text := range texts {
		l, err := location.Parse(text)
		w.must(err)
		all = append(all, l)
	}
	return all
}

// token returns a fresh token and its key.
func (w *world) token(client string) ([]byte, wssec.Key) {
	w.Helper()
	token, key, err := w.kdc.Token(client, service, krbtest.TokenOptions{})
	w.must(err)
	return token, wssec.NewKey(key.ExposeKeyOctets())
}

func inBase64(token []byte) string { return base64.StdEncoding.EncodeToString(token) }

// withNegotiate returns a message with a token in Authorization.
func (w *world) withNegotiate(message string, token []byte) door.Arrival {
	in := w.arrival([]byte(message))
	in.Header = http.Header{"Authorization": {"Negotiate " + inBase64(token)}}
	return in
}

// protectOmitting protects a message with a token that it names by its hash.
func (w *world) protectOmitting(client *wssec.Processor, token []byte, key wssec.Key) string {
	w.Helper()
	out, _, err := client.ProtectRequest(nil, w.parse([]byte(envelope("", payload))),
		wssec.OutgoingToken{Token: token, Key: key, Omit: true})
	w.must(err)
	return string(out)
}

// refused requires that a door refuses a message with a code.
func (w *world) refused(what string, d door.Door, in door.Arrival, want wssec.Code) {
	w.Helper()
	admitted, err := d.Admit(w.Context(), in)
	var e *wssec.Error
	if !errors.As(err, &e) || e.Code != want || admitted != nil {
		w.Errorf("%s: got %v, want %s", what, err, want)
	}
}

// client requires who was admitted.
func (w *world) isFrom(name string, d door.Door, in door.Arrival) door.Admitted {
	w.Helper()
	admitted, err := d.Admit(w.Context(), in)
	w.must(err)
	if got, _, known := admitted.Principal(); got != name || !known {
		w.Errorf("admitted %s, want %s", got, name)
	}
	return admitted
}

func TestSecurityTakesABearerTokenFromHTTP(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	d := w.at(w.preset("KerberosToken"), "authorization")
	token, _ := w.token("alice")
	in := w.isFrom("alice", d, w.withNegotiate(envelope("", payload), token))
	forward, err := in.AppendForward(nil, wssec.Forwarding{})
	w.must(err)
	if !strings.Contains(string(forward), "what is it worth") {
		t.Errorf("forwarded %s", forward)
	}
	w.refused("the same token again", d, w.withNegotiate(envelope("", payload), token), wssec.CodeFailedAuth)
	w.refused("no token", d, w.arrival([]byte(envelope("", payload))), wssec.CodeTokenMissing)
	plain, _ := w.token("alice")
	arrival := w.withNegotiate(envelope("", payload), plain)
	arrival.Channel.TLS = false
	w.refused("a bearer token without TLS", d, arrival, wssec.CodeTransport)
}

// What stands in another place than those of the route is not looked at.
func TestSecurityPassesOverATokenInAnotherPlace(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.preset("KerberosToken")
	inMessage, _ := w.protect(w.client(p), envelope("", payload))
	d := w.at(p, "authorization")
	w.refused("a token in the Security header alone", d, w.arrival(inMessage), wssec.CodeTokenMissing)
	bob, _ := w.token("bob")
	w.isFrom("bob", d, w.withNegotiate(string(inMessage), bob))

	other, _ := w.token("bob")
	w.refused("tokens in two places that count", w.at(p, "authorization", "security-header"),
		w.withNegotiate(string(inMessage), other), wssec.CodeTokenAmbiguous)
	w.isFrom("alice", w.at(p, "authorization", "security-header"), w.arrival(inMessage))
}

// The token comes by HTTP, and signature and Body are in the message.
func TestSecurityVerifiesTheSignatureOfATokenInHTTP(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, preset := range []string{"Kerberos", "KerberosOverTransport"} {
		p := w.preset(preset)
		client, d := w.client(p), w.at(p, "header:X-Token")
		arrival := func(message string, token []byte) door.Arrival {
			in := w.arrival([]byte(message))
			in.Header = http.Header{"X-Token": {inBase64(token)}}
			return in
		}
		token, key := w.token("alice")
		w.isFrom("alice", d, arrival(w.protectOmitting(client, token, key), token))

		token, key = w.token("alice")
		other, _ := w.token("mallory")
		w.refused(preset+": another client's token", d, arrival(w.protectOmitting(client, token, key), other),
			wssec.CodeTokenUnavailable)
		w.refused(preset+": no token", d, w.arrival([]byte(w.protectOmitting(client, token, key))), wssec.CodeTokenMissing)
		unsigned, _ := w.token("alice")
		w.refused(preset+": no signature", d, arrival(envelope("", payload), unsigned), wssec.CodeSecurityMissing)

		// A signature of the key of a token in the Security header is not one of
		// the token that counts.
		protected, _ := w.protect(client, envelope("", payload))
		w.refused(preset+": signed with another token", d, arrival(string(protected), other), wssec.CodeFailedAuth)
		fresh, _ := w.token("mallory")
		w.refused(preset+": signed with another token", d, arrival(string(protected), fresh), wssec.CodeUnsupportedToken)
	}
}

var element = regexp.MustCompile(`<wsse:BinarySecurityToken.*</wsse:BinarySecurityToken>`)

// moved returns a protected message whose token stands in a header block of an
// application.
func (w *world) moved(client *wssec.Processor) string {
	w.Helper()
	message, _ := w.protect(client, envelope("", payload))
	token := element.Find(message)
	if token == nil {
		w.Fatalf("no token in %s", message)
	}
	rest := element.ReplaceAllString(string(message), "")
	return string(withBlock([]byte(rest), `<t:Ticket xmlns:t="urn:t">`+string(token)+`</t:Ticket>`))
}

// A signature may refer to a token elsewhere in the SOAP Header by its wsu:Id,
// which no other element of the Header may have.
func TestSecurityFollowsAReferenceToAMovedToken(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, preset := range []string{"Kerberos", "KerberosOverTransport"} {
		p := w.preset(preset)
		d := w.at(p, "xpath://wsse:BinarySecurityToken")
		in := w.isFrom("alice", d, w.arrival([]byte(w.moved(w.client(p)))))
		forward, err := in.AppendForward(nil, wssec.Forwarding{Unprotected: wssec.PassHeaders})
		w.must(err)
		if strings.Contains(string(forward), "Ticket") || !strings.Contains(string(forward), "what is it worth") {
			t.Errorf("%s: forwarded %s", preset, forward)
		}
		twice := w.moved(w.client(p))
		id := regexp.MustCompile(`wsu:Id="(BST-[^"]*)"`).FindStringSubmatch(twice)[1]
		twice = string(withBlock([]byte(twice), `<t:Other xmlns:t="urn:t" Id="`+id+`"/>`))
		w.refused(preset+": an Id twice", d, w.arrival([]byte(twice)), wssec.CodeDuplicateID)
		taken := w.moved(w.client(p))
		id = regexp.MustCompile(`wsu:Id="(BST-[^"]*)"`).FindStringSubmatch(taken)[1]
		taken = strings.Replace(taken, `wsu:Id="`+id, `wsu:Id="x`, 1)
		taken = string(withBlock([]byte(taken), `<t:Other xmlns:t="urn:t" xmlns:u="`+wssec.NSWSU+`" u:Id="`+id+`"/>`))
		w.refused(preset+": the Id of another block", d, w.arrival([]byte(taken)), wssec.CodeReference)
	}
}

// A token that an expression finds in a header block does not reach the backend,
// whatever TLS protects. In the Body it is the application's.
func TestSecurityDropsTheBlockOfTheToken(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	d := w.at(w.preset("KerberosToken"), "xpath://*[local-name()='Ticket']")
	token, _ := w.token("alice")
	ticket := `<t:Ticket xmlns:t="urn:t">` + inBase64(token) + `</t:Ticket>`
	other := `<t:Other xmlns:t="urn:t">kept</t:Other>`
	in := w.isFrom("alice", d, w.arrival([]byte(envelope(`<t:T xmlns:t="urn:t">`+ticket+`</t:T>`+other, payload))))
	forward, err := in.AppendForward(nil, wssec.Forwarding{})
	w.must(err)
	if strings.Contains(string(forward), "Ticket") || !strings.Contains(string(forward), "kept") {
		t.Errorf("forwarded %s", forward)
	}

	again, _ := w.token("alice")
	body := strings.ReplaceAll(ticket, inBase64(token), inBase64(again))
	in = w.isFrom("alice", d, w.arrival([]byte(envelope(other, body))))
	forward, err = in.AppendForward(nil, wssec.Forwarding{})
	w.must(err)
	if !strings.Contains(string(forward), body) {
		t.Errorf("the Body was changed: %s", forward)
	}
}

// The memory of a search is asked for before it, and given back whatever comes
// of it.
func TestSecurityReservesTheMemoryOfASearch(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	held, most := 0, 0
	var refusal error
	for _, places := range [][]string{{"xpath:(//*)[5]"}, {"authorization"}} {
		d := w.at(w.preset("KerberosToken"), places...).WithTokens(door.Tokens{
			Locations: location.NewCurrent(w.locations(places...)), Unwrap: gss.MechToken,
			Reserve: func(_ context.Context, octets int) error {
				held += octets
				most = max(most, held)
				return refusal
			},
		})
		in := w.arrival([]byte(envelope("", strings.Repeat("<a/>", 1000))))
		held, most, refusal = 0, 0, nil
		if _, err := d.Admit(t.Context(), in); err == nil {
			t.Error("admitted")
		}
		if searched := places[0] != "authorization"; held != 0 || (most > 50_000) != searched {
			t.Errorf("%s: held %d, at most %d octets", places, held, most)
		}
		if refusal = errors.New("no room"); places[0] != "authorization" {
			w.refused("no room", d, in, wssec.CodeNoMemory)
		}
	}
}

// Nothing signs a token that stands elsewhere. Config refuses such a policy; if
// it is there, every message is refused.
func TestSecurityRefusesATokenThatHasToBeSigned(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	endorsing := wssec.Policy{
		Binding: wssec.NoBinding, AlgorithmSuite: wssec.Basic128, AllowPlainHTTP: true, SignedParts: wssec.Parts{Body: true},
		SupportingTokens: []wssec.SupportingToken{{Token: wssec.KerberosToken, Use: wssec.UseSignedEndorsing}},
	}
	protecting := w.preset("Kerberos")
	protecting.ProtectTokens = true
	for name, p := range map[string]wssec.Policy{"signed-endorsing": endorsing, "protect-tokens": protecting} {
		unsigned := p
		unsigned.ProtectTokens = false
		unsigned.SupportingTokens = nil
		for _, s := range p.SupportingTokens {
			unsigned.SupportingTokens = append(unsigned.SupportingTokens, wssec.SupportingToken{Token: s.Token,
				Use: wssec.UseEndorsing})
		}
		token, key := w.token("alice")
		in := w.arrival([]byte(w.protectOmitting(w.client(unsigned), token, key)))
		in.Query = "t=" + inBase64(token)
		w.refused(name, w.at(p, "query:t"), in, wssec.CodeNotSigned)
	}
}
