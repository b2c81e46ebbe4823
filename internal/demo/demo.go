package demo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/wssgate/wssgate/internal/browser"
	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/soap/xmltext"
	"github.com/wssgate/wssgate/wssec"
)

// Question is what the client asks, as an application without any security
// writes it.
const Question = `<soap:Envelope xmlns:soap="` + soap.NS11 + `">
  <soap:Body>
    <q:GetQuote xmlns:q="urn:example:quotes"><q:Symbol>ACME</q:Symbol></q:GetQuote>
  </soap:Body>
</soap:Envelope>`

// Price is what the service answers.
const Price = "42.50"

// A Config says what the demo does.
type Config struct {
	// Serve lets all parties go on afterwards, until the context ends.
	Serve bool
	// Browser are the files of the browser client, for a page to try it. With nil
	// there is no page.
	Browser *browser.Files
}

// Run shows one message on its way, step by step; each step checks what it
// shows.
func Run(ctx context.Context, out io.Writer, cfg Config) error {
	files := cfg.Browser
	if !cfg.Serve {
		files = nil
	}
	w, err := newWorld(ctx, files)
	if err != nil {
		return err
	}
	defer w.close()
	p := newPrinter(out)
	p.intro(w)
	if err := (&story{world: w, p: p}).run(ctx); err != nil {
		return err
	}
	p.done("Everything was verified: the request by the gateway, the reply by the client, and what was tampered " +
		"with was refused.")
	if !cfg.Serve {
		p.line("wssgate demo --serve keeps all of this running for you to try.")
		return p.err
	}
	return w.serveClient(ctx, p)
}

// A story is one run: what a step made, the next one uses.
type story struct {
	*world
	p      *printer
	wire   []byte         // the protected request
	sent   *wssec.Request // what its reply is verified by
	answer []byte         // the protected reply
}

// run goes through the steps. One that fails ends it.
func (d *story) run(ctx context.Context) error {
	for _, step := range []func(context.Context) error{
		d.ticket, d.request, d.exchange, d.atTheService, d.reply, d.refusals,
	} {
		if err := step(ctx); err != nil {
			return fmt.Errorf("demo: %w", err)
		}
	}
	return nil
}

// ticket is step 1.
func (d *story) ticket(ctx context.Context) error {
	d.p.step("A ticket")
	t, err := d.client.Initiator.ServiceTicket(ctx, Service)
	if err != nil {
		return err
	}
	d.p.text("%s proved her password to the KDC and has a ticket for %s with a fresh key. "+
		"The ticket itself only the gateway can open: the service's key is in its keytab.", ClientName, t.Service)
	return nil
}

// request is steps 2 and 3.
func (d *story) request(ctx context.Context) (err error) {
	d.p.step("The message, as the application wrote it")
	if err := d.p.xml([]byte(Question), nil); err != nil {
		return err
	}
	if d.wire, d.sent, err = d.client.Protect(ctx, Question); err != nil {
		return err
	}
	if bytes.Contains(d.wire, []byte("ACME")) {
		return errors.New("the request is in the clear")
	}
	d.p.step(fmt.Sprintf("On the wire to the gateway: signed, then encrypted (%d octets)", len(d.wire)))
	return d.p.xml(d.wire, wireNotes)
}

// exchange sends the request, and takes the reply from the wire.
func (d *story) exchange(ctx context.Context) error {
	status, reply, err := d.client.Post(ctx, d.wire)
	if err != nil {
		return err
	}
	if ev := d.events.next(ctx); status != 200 || ev.code != "ok" {
		return fmt.Errorf("the gateway answered HTTP %d, code %s: %s", status, ev.code, ev.err)
	}
	d.answer = reply
	return nil
}

// atTheService is step 4.
func (d *story) atTheService(context.Context) error {
	seen, _ := d.service.seen()
	d.p.step("At the service: verified, decrypted, and who it is from")
	name := seen.header.Get(principalHeader)
	if name != ClientName || bytes.Contains(seen.body, []byte("Security")) || !bytes.Contains(seen.body, []byte("ACME")) {
		return fmt.Errorf("the service got principal %q and %s", name, seen.body)
	}
	d.p.code("%s: %s", principalHeader, name)
	return d.p.xml(seen.body, nil)
}

// reply is steps 5 and 6.
func (d *story) reply(ctx context.Context) error {
	if bytes.Contains(d.answer, []byte("Price")) {
		return errors.New("the reply is in the clear")
	}
	d.p.step(fmt.Sprintf("The reply on the wire, under the same key (%d octets)", len(d.answer)))
	d.p.text("No ticket this time: the keys are derived from the request's, which is named by its hash.")
	if err := d.p.xml(d.answer, wireNotes); err != nil {
		return err
	}
	msg, err := d.client.Open(ctx, d.answer, d.sent)
	if err != nil {
		return err
	}
	d.p.step("At the client: verified and decrypted")
	if err := d.p.node(msg.Body()); err != nil {
		return err
	}
	if !bytes.Contains(msg.Body().AppendCanonical(nil, xmltext.C14N{}), []byte(Price)) {
		return errors.New("the reply is not the service's")
	}
	d.p.text("The signature covers %s; encrypted were %s.", names(msg.Signed()), names(msg.Encrypted()))
	return nil
}

// refusals is step 7: the wire shows one fault for all, the log the reason.
func (d *story) refusals(ctx context.Context) error {
	d.p.step("What does not get through")
	_, calls := d.service.seen()
	changed, _, err := d.client.Protect(ctx, Question)
	if err != nil {
		return err
	}
	attempts := []struct {
		what    string
		message []byte
		code    string
	}{
		{"the same message once more", d.wire, "ticket-replay"},
		{"a message with one changed character", Tamper(changed), "digest-invalid"},
		{"the message without protection", []byte(Question), "security-header-missing"},
	}
	var first []byte
	for _, a := range attempts {
		status, fault, err := d.client.Post(ctx, a.message)
		if err != nil {
			return err
		}
		ev := d.events.next(ctx)
		if status != 500 || ev.code != a.code || first != nil && !bytes.Equal(fault, first) {
			return fmt.Errorf("%s: HTTP %d, code %s; expected code %s", a.what, status, ev.code, a.code)
		}
		first = fault
		d.p.item(a.what, ev.code)
	}
	if _, n := d.service.seen(); n != calls {
		return fmt.Errorf("the service was called %d times by them", n-calls)
	}
	d.p.text("The codes are from the gateway's log (wssgate errors explains them). The client gets the same fault " +
		"for all, octet for octet:")
	env, err := soap.Parse(first, xmltext.Options{})
	if err != nil {
		return err
	}
	fault, _ := env.Fault()
	d.p.code("wsse:%s  %s", fault.Subcode.Local, fault.Reason)
	return nil
}

// Tamper changes one character of the last ciphertext, the Body's: the second,
// by the bit that makes a space in front of the question a "0", as whoever
// flips bits of a CBC cipher can do. It decrypts to well-formed XML, always.
func Tamper(wire []byte) []byte {
	const base64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	out := bytes.Clone(wire)
	if at := bytes.LastIndex(out, []byte("CipherValue>")); at >= 0 {
		at = bytes.LastIndex(out[:at], []byte("CipherValue>")) + len("CipherValue>") + 1
		out[at] = base64[strings.IndexByte(base64, out[at])^1]
	}
	return out
}

// names lists elements by their local names.
func names(nodes []xmltext.Node) string {
	var all []string
	for _, n := range nodes {
		all = append(all, n.Local())
	}
	return strings.Join(all, ", ")
}

// wireNotes returns what a part of a protected message is for.
func wireNotes(n xmltext.Node) string {
	switch n.Local() {
	case "Timestamp":
		return "signed: how long the message is good"
	case "BinarySecurityToken":
		return "the ticket, and proof that the sender has its key"
	case "DerivedKeyToken":
		if follows(n, "DerivedKeyToken") {
			return "key for encryption, from the ticket's key"
		}
		return "key for the signature, from the ticket's key"
	case "ReferenceList":
		return "what is encrypted"
	case "EncryptedData":
		if n.Parent().Local() == "Security" {
			return "the signature over Timestamp and Body, encrypted"
		}
		return "the content, encrypted"
	case "Body":
		return "signed"
	}
	return ""
}

// follows reports whether the element before n has that name.
func follows(n xmltext.Node, local string) bool {
	previous := ""
	for c := range n.Parent().Children() {
		if c == n {
			return previous == local
		}
		previous = c.Local()
	}
	return false
}

// waitForEvent is longer than any event takes to be written.
const waitForEvent = 5 * time.Second
