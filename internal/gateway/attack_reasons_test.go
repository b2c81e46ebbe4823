package gateway_test

// This is the second program that attacks the gateway by the clock, see
// attack_test.go for the first. It asks with messages that are refused for
// different reasons, those that only the key decides among them, and compares
// the times of each with those of one reference. Run it by
//
//	go test ./internal/gateway -run '^TestTimingOfReasons$' -timeout 0 -v -reasons all -questions 100000 -concurrency 256
//
// -reasons takes presets and http, separated by commas, or all; -questions is for
// the reference and for each reason that depends on a key; the others are asked
// 5,000 times. A gateway that answers at once is asked first, to see that the
// times tell something there. What it found stands in docs/timing.md.

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/wssgate/wssgate/kerberos/krbtest"
	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/soap/xmltext"
	"github.com/wssgate/wssgate/wssec"
)

var reasonsFlag = flag.String("reasons", "", "presets whose refusals TestTimingOfReasons compares, http, or all")

// reasonsAlarm is the p below which a reason is said to be told by the time: by
// chance for one of some sixty reasons in one of ten thousand runs.
const reasonsAlarm = 1e-6

// otherQuestions is how often a reason is asked that depends on no key.
const otherQuestions = 5000

// A reason is one way in which a message is wrong.
type reason struct {
	name     string
	code     string                 // what the log says, or one of two
	keyed    bool                   // only who has the key knows it beforehand
	ownFault bool                   // told by the fault, as the specification has it
	ask      func(*inquirer) []byte // makes a request
}

// inquirers are what the reasons of TestTimingOfReasons are tried at.
func inquirers() []string {
	return []string{"Kerberos", "SspiNegotiated", "SecureConversation", "wsHttpBinding", "http"}
}

func TestTimingOfReasons(t *testing.T) {
	if *reasonsFlag == "" {
		t.Skip("a program of its own: see the top of the file")
	}
	fmt.Println("| preset | reason | questions | median | median, reference | AUC | p |")
	t.Run("undefended", func(t *testing.T) {
		if told := compareReasons(t, "Kerberos", true, 2000); len(told) == 0 {
			t.Error("the times tell nothing of a gateway that answers at once: it says nothing about the others")
		}
	})
	for _, name := range inquirers() {
		if *reasonsFlag != "all" && !slices.Contains(strings.Split(*reasonsFlag, ","), name) {
			continue
		}
		t.Run(name, func(t *testing.T) {
			for _, told := range compareReasons(t, name, false, *questionsFlag) {
				t.Errorf("%s: the times tell", told)
			}
		})
	}
}

// compareReasons returns the names of the reasons that the times tell from the
// reference.
func compareReasons(t *testing.T, name string, atOnce bool, questions int) (told []string) {
	q := newInquirer(t, name)
	q.inquired.AtOnce = atOnce
	q.start()
	reasons := reasonsOf(name)
	counts := make([]int, len(reasons))
	for i, r := range reasons {
		if counts[i] = questions; !r.keyed {
			counts[i] = min(otherQuestions, questions)
		}
	}
	connections := *concurrencyFlag
	if atOnce || name == "http" {
		connections = 1 // more would only disturb each other
	}
	times := q.askAll(connections, reasons, counts)
	counted := q.gateway.stop()
	fmt.Printf("%s, at once %v: %d refusals, %d late, %d not looked at\n", name, atOnce, counted.Refused, counted.Late,
		counted.Busy)
	for i, r := range reasons[1:] {
		v := compare(append(samplesOf(times[0], false), samplesOf(times[i+1], true)...))
		v.n = v.in
		fmt.Printf("| %s | %s | %v |\n", name, r.name, v)
		if v.p < reasonsAlarm {
			told = append(told, r.name)
		}
	}
	if counted.Busy > 0 {
		t.Errorf("%d questions were not looked at", counted.Busy)
	}
	return told
}

func samplesOf(times []time.Duration, class bool) (s []sample) {
	for _, d := range times {
		s = append(s, sample{took: d, class: class})
	}
	return s
}

func reasonsOf(name string) []reason {
	switch name {
	case "Kerberos":
		return append(soapReasons(), ticketReasons()...)
	case "http":
		return httpReasons()
	}
	return soapReasons()
}

// TestReasonsAreWhatTheySay: what TestTimingOfReasons asks with is refused for
// the reasons that it names.
func TestReasonsAreWhatTheySay(t *testing.T) {
	t.Parallel()
	for _, name := range inquirers()[:4] {
		q := newInquirer(t, name)
		processor := q.inquired.processor(t, q.policy, wssec.Config{Verifier: q.inquired.acceptor(t),
			Replay: inquiredReplay()})
		verify := func(request []byte) (e *wssec.Error) {
			_, message, _ := bytes.Cut(request, []byte("\r\n\r\n"))
			env, err := soap.Parse(message, xmltext.Options{})
			mustDo(t, err)
			m, err := processor.Verify(t.Context(), env, wssec.Channel{})
			if err == nil {
				mustDo(t, m.Remember(t.Context()))
			}
			errors.As(err, &e)
			return e
		}
		for _, good := range q.begin() {
			if err := verify(q.post(good)); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
		for _, r := range reasonsOf(name) {
			if err := verify(r.ask(q)); err == nil || !slices.Contains(strings.Fields(r.code), string(err.Code)) {
				t.Errorf("%s, %s: %v", name, r.name, err)
			}
		}
	}
}

// soapReasons are those of a message under a preset with message security. The
// first is the reference.
func soapReasons() []reason {
	const none = "security-token-unavailable security-context-unknown"
	return []reason{
		keyed("the Signature is noise", "decryption-failed", func(m *message) { m.noise("CipherValue", 0) }),
		keyed("padding of the Signature", "decryption-failed", func(m *message) { m.octet("CipherValue", 0, -17, 0x80) }),
		keyed("a block within the Signature", "decryption-failed", func(m *message) { m.octet("CipherValue", 0, 100, 1) }),
		keyed("an octet of the Signature by its IV", "plaintext-invalid", func(m *message) {
			m.octet("CipherValue", 0, 2, 1)
		}),
		keyed("the key of the encryption", "decryption-failed", func(m *message) { m.octet("Nonce", 1, 3, 1) }),
		keyed("HMAC of the Signature", "signature-invalid", func(m *message) { m.octet("Nonce", 0, 3, 1) }),
		keyed("digest of the Timestamp", "digest-invalid", func(m *message) { m.digit("Created", 0) }),
		keyed("padding of the Body", "decryption-failed", func(m *message) { m.octet("CipherValue", 1, -17, 0x80) }),
		keyed("a block within the Body", "plaintext-invalid", func(m *message) { m.octet("CipherValue", 1, 400, 1) }),
		keyed("markup of the Body by its IV", "plaintext-invalid", func(m *message) {
			m.octet("CipherValue", 1, 3, ' '^'<')
		}),
		keyed("text of the Body by its IV", "digest-invalid", func(m *message) { m.octet("CipherValue", 1, 3, ' '^'!') }),
		{name: "sent before", code: "message-replayed", ask: func(q *inquirer) []byte { return q.post(q.recorded) }},
		{name: "Timestamp expired", code: "message-expired", ownFault: true, ask: func(q *inquirer) []byte {
			return q.post(q.protected(q.yesterday, q.sent))
		}},
		{name: "a token that is not known", code: none, ownFault: true, ask: changed((*message).otherToken)},
		{name: "algorithm", code: "unsupported-algorithm", ask: changed(func(m *message) {
			m.replace("xmlenc#aes", "xmlenc#kw-aes")
		})},
		{name: "no list of EncryptedData", code: "security-header-invalid", ask: changed(func(m *message) {
			m.replace("<xenc:DataReference ", "<xenc:KeyReference ")
		})},
		{name: "no Signature", code: "security-token-missing reference-invalid", ask: changed(func(m *message) {
			m.cut("<xenc:EncryptedData ", "</xenc:EncryptedData>")
		})},
	}
}

func keyed(name, code string, change func(*message)) reason {
	return reason{name: name, code: code, keyed: true, ask: changed(change)}
}

// changed makes requests of good messages.
func changed(change func(*message)) func(*inquirer) []byte {
	return func(q *inquirer) []byte {
		m := &message{q.protected(q.client, q.sent)}
		change(m)
		return q.post(m.text)
	}
}

// ticketReasons are those of a message with a ticket.
func ticketReasons() []reason {
	flip := func(name string, part, at int) reason {
		return reason{name: name, code: "failed-authentication", keyed: true, ask: func(q *inquirer) []byte {
			m := &message{q.protected(q.client, q.fresh())}
			from, to := m.value("BinarySecurityToken", 0)
			token := m.octets(from, to)
			flipOctet(ciphertexts(token)[part], at)
			m.put(from, to, token)
			return q.post(m.text)
		}}
	}
	return []reason{
		flip("first octet of the ticket", 0, 0),
		flip("last octet of the ticket", 0, -1),
		flip("first octet of the Authenticator", 1, 0),
		flip("last octet of the Authenticator", 1, -1),
		{name: "ticket expired", code: "failed-authentication", ask: func(q *inquirer) []byte {
			return q.post(q.protected(q.client, q.freshWith(krbtest.TokenOptions{
				Ticket: krbtest.TicketOptions{EndTime: time.Now().Add(-time.Hour)}})))
		}},
	}
}

// httpReasons are those of a token of HTTP Negotiate, whose refusals are
// answered at once: of what its ciphertexts are, nothing is looked into before
// their checksum is right, and the time of the comparison is what is asked for.
func httpReasons() []reason {
	flip := func(name string, part, at int) reason {
		return reason{name: name, keyed: true, ask: func(q *inquirer) []byte {
			token := q.fresh().Token
			flipOctet(ciphertexts(token)[part], at)
			return q.get(token)
		}}
	}
	return []reason{
		flip("octet 40 of the ticket", 0, 40),
		flip("first octet of the ticket", 0, 0),
		flip("last octet of the ticket", 0, -1),
	}
}
