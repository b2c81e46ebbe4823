package attacks_test

import (
	"strings"
	"testing"

	"github.com/wssgate/wssgate/internal/attacks"
)

// Before a receiver that reads nothing but the Body, the same trial finds that
// attacks reach the backend: it can fail.
func TestTrialFindsWhatAReceiverLetsThrough(t *testing.T) {
	s := readTranscript(t, "transcripts/KtpSymmetricSignOnly")
	protected := honestly(t, s)
	list, err := attacks.Of(s.messages[0])
	must(t, err)
	found := map[string]bool{}
	for _, a := range list {
		if same(delivery{octets: withoutHeader(string(a.Octets))}, anybody(protected[:1])) != nil {
			found[a.Class] = true
		}
	}
	for _, class := range []string{"signature wrapping", "duplicate Ids", "comment, CDATA and instruction splits",
		"namespace injection", "prefix rebinding", "signature exclusion"} {
		if !found[class] {
			t.Errorf("no attack of the class %q changes a message", class)
		}
	}
}

// withoutHeader removes the Header by its tags.
func withoutHeader(message string) []byte {
	before, rest, _ := strings.Cut(message, "<soap:Header>")
	_, after, _ := strings.Cut(rest, "</soap:Header>")
	return []byte(before + after)
}

func anybody(list []honest) []honest {
	list[0].principal = ""
	return list
}

// A gateway that accepts content whose prefixes nobody signed lets their meaning
// be changed, and the trial sees it.
func TestTrialFindsReboundPrefixesInContent(t *testing.T) {
	s := readCase(t, "cases/content-prefix-listed-soap11.txtar")
	protected := honestly(t, s)
	changed := strings.Replace(string(s.messages[0].Octets), "urn:example:types", "urn:evil", 1)
	octets := withoutHeader(changed)
	if err := same(delivery{octets: octets}, anybody(protected)); err == nil {
		t.Error("another type of the content is not seen")
	}
}

// Every attack is a change, and the same messages give the same attacks.
func TestAttacksAreTheSameEachTime(t *testing.T) {
	s := readTranscript(t, "transcripts/KtpSymmetricDerived")
	first, err := attacks.Of(s.messages[0])
	must(t, err)
	second, err := attacks.Of(s.messages[0])
	must(t, err)
	if len(first) != len(second) || len(first) < 2000 {
		t.Fatalf("%d and %d attacks", len(first), len(second))
	}
	classes := map[string]int{}
	for i, a := range first {
		if b := second[i]; a.Name != b.Name || string(a.Octets) != string(b.Octets) || a.Class != b.Class {
			t.Fatalf("attack %d is %s, and then %s", i, a.Name, b.Name)
		}
		classes[a.Class]++
	}
	for _, class := range attacks.Classes() {
		if classes[class] == 0 {
			t.Errorf("no attacks of the class %q", class)
		}
	}
}

func TestOfRefusesWhatHasNoSecurityHeader(t *testing.T) {
	for _, message := range []string{"", "<a>", "<a/>", "<!DOCTYPE a><a/>", "<a></b>", `<p:a/>`,
		`<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body/></s:Envelope>`} {
		if list, err := attacks.Of(attacks.Message{Octets: []byte(message)}); err == nil {
			t.Errorf("%d attacks on %q", len(list), message)
		}
	}
}

func TestMeaning(t *testing.T) {
	const ns = `xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"`
	plain := `<s:Envelope ` + ns + `><s:Header><a xmlns="urn:a"/><b xmlns="urn:b"/></s:Header><s:Body>` +
		`<o:x xmlns:o="urn:o" xmlns:i="urn:i" i:type="o:T">1&#50;</o:x></s:Body></s:Envelope>`
	want := read(t, plain)
	for _, tt := range []struct {
		old, new string
		same     bool
	}{
		{"1&#50;", "<![CDATA[12]]>", true},
		{`<a xmlns="urn:a"/><b xmlns="urn:b"/>`, `<b xmlns="urn:b"/><a xmlns="urn:a"/>`, true},
		{`o:x xmlns:o="urn:o"`, `o:x xmlns:o="urn:p"`, false},
		{`i:type="o:T"`, `i:type="p:T" xmlns:p="urn:o"`, true},
		{`i:type="o:T"`, `i:type="p:T" xmlns:p="urn:p"`, false},
		{"1&#50;", "1<!-- -->2", false},
		{"1&#50;", "1 2", false},
		{"<s:Body>", `<s:Body a="b">`, false},
		{"<s:Body>", `<s:Header/><s:Body>`, false},
	} {
		got := read(t, strings.Replace(plain, tt.old, tt.new, 1))
		if same := got.Equal(want); same != tt.same {
			t.Errorf("%s for %s: the same is %v: %+v", tt.new, tt.old, same, got)
		}
	}
}

func read(t *testing.T, message string) attacks.Meaning {
	t.Helper()
	m, err := attacks.Read([]byte(message))
	must(t, err)
	return m
}

// What the backend is told in HTTP counts, too.
func TestTrialFindsOtherActionsAndFields(t *testing.T) {
	s := readTranscript(t, "transcripts/KtpSymmetricAddressing")
	protected := honestly(t, s)
	if protected[0].action == "" {
		t.Fatal("the action is not signed")
	}
	got := newGate(t, s, s.newStore()).send(attacks.Attack{Message: s.messages[0]})
	if err := same(got[0], protected[:1]); err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{"Soapaction": "urn:evil", "X-Principal": "admin", "X_principal": "admin"} {
		d := delivery{got[0].octets, got[0].header.Clone()}
		d.header[name] = []string{value}
		if same(d, protected[:1]) == nil {
			t.Errorf("%s: %s is not seen", name, value)
		}
	}
}

// Where the key alone says what is a reply, as it cannot under a security
// context, another message is taken for one, and the trial sees it.
func TestTrialFindsOtherMessagesInThePlaceOfReplies(t *testing.T) {
	s := readTranscript(t, "transcripts/KtpSecureConversation")
	if !s.oneKey() || len(s.replies) < 2 {
		t.Fatalf("%d replies", len(s.replies))
	}
	r := newTrial(t).receiving(s, s.replies[0].of)
	_, own := r.take(attacks.Attack{Message: s.replies[0].Message})
	_, other := r.take(attacks.Attack{Message: s.messages[1]})
	if len(own) != 1 || len(other) != 1 {
		t.Fatalf("%d and %d messages are taken", len(own), len(other))
	}
	meaning := read(t, string(own[0].octets))
	if err := same(other[0], []honest{{meaning: meaning, action: signedAction(other[0], meaning)}}); err == nil {
		t.Error("another message in the place of the reply is not seen")
	}
	changed := delivery{octets: []byte(strings.Replace(string(own[0].octets), "50", "51", 1))}
	if err := same(changed, []honest{{meaning: meaning}}); err == nil {
		t.Error("a changed reply is not seen")
	}
}
