package vectors

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/wssgate/wssgate/internal/attacks"
	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/soap/xmltext"
	"github.com/wssgate/wssgate/wssec"
)

// unharmed is the verdict on attacks of which none gets through.
const unharmed = "unharmed"

// An attack is a line of section attacks: the message with the octets from At[0]
// to At[1] replaced.
type attack struct {
	Class, Name, Why string
	At               [2]int
	Text             string
	Octets           []byte
	ContentType      string `json:"content-type"`
	Header           map[string]string
}

// on returns the octets that the attacker sends.
func (a *attack) on(message []byte) ([]byte, error) {
	if a.At[0] < 0 || a.At[1] < a.At[0] || a.At[1] > len(message) {
		return nil, fmt.Errorf("%s: %s: there is nothing at %v", a.Class, a.Name, a.At)
	}
	out := append(bytes.Clone(message[:a.At[0]]), a.Text...)
	return append(append(out, a.Octets...), message[a.At[1]:]...), nil
}

// A victim is who gets attacks. It returns what it takes for the message, and of
// whom; nil if it refuses.
type victim func(octets []byte, a *attack) (taken []byte, client string)

// always is a replay store to which each message is new: an attack is refused for
// what it is.
type always struct{}

// Add remembers nothing.
func (always) Add(context.Context, [32]byte, time.Time) (bool, error) { return true, nil }

// attacked runs a vector of attacks on a message, or on a reply.
func (a *archive) attacked(ctx context.Context, o *Outcome) {
	a.forgets = true
	gets, err := a.newVictim(ctx)
	if err == nil {
		err = a.tryAttacks(gets, o)
	}
	o.Got = unharmed
	if err != nil {
		o.Got, o.Problem = "error", err.Error()
	}
}

func (a *archive) newVictim(ctx context.Context) (victim, error) {
	if a.Direction == "reply" {
		return a.newClient(ctx)
	}
	h, err := newHTTPRun(ctx, a)
	return func(octets []byte, at *attack) ([]byte, string) { return h.take(ctx, octets, at) }, err
}

// tryAttacks tries the message itself, and then all attacks on it.
func (a *archive) tryAttacks(gets victim, o *Outcome) error {
	message := a.sections["message.xml"]
	taken, client := gets(message, &attack{})
	meaning, err := attacks.Read(taken)
	if err != nil {
		return fmt.Errorf("message.xml is refused, or not read: %w", err)
	}
	refused := 0
	dec := json.NewDecoder(bytes.NewReader(a.sections["attacks"]))
	dec.DisallowUnknownFields()
	for {
		var at attack
		if err := dec.Decode(&at); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return fmt.Errorf("section attacks: %w", err)
		}
		octets, err := at.on(message)
		if err != nil {
			return err
		}
		o.Messages++
		switch taken, of := gets(octets, &at); {
		case taken == nil:
			refused++
		case of != client || !means(taken, meaning):
			return fmt.Errorf("%s: %s: it is taken for\n%s\nof %s", at.Class, at.Name, taken, of)
		}
	}
	if o.Messages == 0 {
		return errors.New("there are no attacks")
	}
	o.Notes = append(o.Notes, fmt.Sprintf("%d attacks  %d refused, %d taken for the message", o.Messages, refused,
		o.Messages-refused))
	return nil
}

// means reports whether a message has a meaning, to encoding/xml.
func means(message []byte, want attacks.Meaning) bool {
	got, err := attacks.Read(message)
	return err == nil && got.Equal(want)
}

// take sends octets to the gateway, and returns what the backend gets.
func (h *httpRun) take(ctx context.Context, octets []byte, at *attack) ([]byte, string) {
	h.got, h.principals = nil, nil
	r := httptest.NewRequestWithContext(ctx, http.MethodPost, servicePath, bytes.NewReader(octets))
	r.Header.Set("Content-Type", cmp.Or(at.ContentType, h.ContentType))
	for name, value := range at.Header {
		r.Header[name] = []string{value}
	}
	serve(h.gateway, r)
	if len(h.got) == 0 {
		return nil, ""
	}
	return bytes.Join(h.got, nil), strings.Join(h.principals, " ")
}

// newClient makes the client that has sent before.xml, and gets replies.
func (a *archive) newClient(ctx context.Context) (victim, error) {
	c, err := newCaseRun(ctx, a)
	if err != nil {
		return nil, err
	}
	channel := wssec.Channel{TLS: a.TLS}
	env, err := soap.Parse(a.sections["before.xml"], xmltext.Options{})
	if err != nil {
		return nil, &beforeError{err}
	}
	msg, err := c.processor.Verify(ctx, env, channel)
	if err != nil {
		return nil, &beforeError{err}
	}
	sent := msg.AsSent()
	return func(octets []byte, _ *attack) ([]byte, string) {
		env, err := soap.Parse(octets, xmltext.Options{})
		if err != nil {
			return nil, ""
		}
		reply, err := c.processor.VerifyReply(ctx, env, sent, channel)
		if err != nil {
			return nil, ""
		}
		taken, err := reply.AppendForward(nil, wssec.Forwarding{UltimateReceiver: true})
		if err != nil {
			return nil, ""
		}
		return taken, ""
	}, nil
}
