package door

import (
	"context"
	"errors"
	"log/slog"
	"net/http"

	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/soap/xmltext"
	"github.com/wssgate/wssgate/wssec"
)

// A Door admits the messages of a route or refuses them. It is safe for
// concurrent use.
type Door interface {
	// Name returns the name of what the door requires, for the log.
	Name() string

	// Policies returns the policies that a message may be verified under. It
	// is empty if the door requires nothing.
	Policies() []wssec.Policy

	// Choose returns the door that a message is for: the receiver or, if it
	// stands for several doors, one of those. It decides by what the message
	// carries in clear.
	Choose(in Arrival) (Door, error)

	// Admit verifies a message. On success the envelope belongs to the
	// Admitted. The error's text, and the time until it is returned, may
	// depend on plaintext or keys; neither may reach the client.
	Admit(ctx context.Context, in Arrival) (Admitted, error)

	// AnsweredLate is called with an error of Admit whose answer left later
	// than the size of the message requires, because Admit took too long. The
	// delay revealed something about the failure.
	AnsweredLate(err error)
}

// An Arrival is a message as it was received. Nothing in it is verified.
type Arrival struct {
	Envelope *soap.Envelope // parsed, with ciphertext in place
	// Action is that of HTTP: SOAPAction without its quotes, or the action
	// parameter of SOAP 1.2.
	Action  string
	Channel wssec.Channel // the transport that it came by
	Header  http.Header   // of HTTP
	Query   string        // of the URL, as received
}

// An Admitted is a message that a [Door] has admitted. It also protects the
// reply to it. It belongs to one goroutine. Only this package implements it.
type Admitted interface {
	// Principal returns the client's name and realm. Known is false if the
	// door has not authenticated the client.
	Principal() (name, realm string, known bool)

	// Service returns the service principal of the client's ticket, or "" if
	// there is none.
	Service() string

	// Groups returns the security identifiers of the client's groups. The
	// caller must not modify the slice.
	Groups() []string

	// Caller returns the client for whatever stands behind the gateway.
	Caller() Caller

	// Answers reports whether the door answers the message itself. Then it is
	// not forwarded, and a client that is not known yet need not be authorized.
	Answers() bool

	// Answer returns the envelope of that answer. It does what the message
	// requests, so call it once the client is authorized.
	Answer(ctx context.Context) ([]byte, error)

	// Envelope returns the message with its plaintext in place. The
	// protection need not cover all of it.
	Envelope() *soap.Envelope

	// Covers reports whether the client's protection covers a header block.
	Covers(block xmltext.Node) bool

	// ForwardSize returns an upper bound on the octets that AppendForward
	// appends.
	ForwardSize() int

	// AppendForward appends the message for the backend to dst. How says
	// which header blocks it has.
	AppendForward(dst []byte, how wssec.Forwarding) ([]byte, error)

	// ProtectSize returns about how many octets Protect appends to dst. Zero
	// means none.
	ProtectSize(reply *soap.Envelope) int

	// Protect returns a reply, protected for the client, appended to dst. A reply
	// that stays as it is, it returns uncopied instead: the octets are those of
	// the envelope then. Own are further header blocks, as those of
	// [wssec.Processor.Protect].
	Protect(ctx context.Context, dst []byte, reply *soap.Envelope, own ...xmltext.Node) ([]byte, error)
	// ProtectOwn is Protect for a reply that the backend has not written.
	ProtectOwn(ctx context.Context, dst []byte, reply *soap.Envelope) ([]byte, error)

	// Authorized is called once the route has admitted the client, before the
	// message is forwarded. An error does not affect this message; later ones
	// may need a fresh token.
	Authorized(ctx context.Context) error

	// Notes returns attributes for the log: the durations of the stages of
	// Admit, and others.
	Notes() (stages, notes []slog.Attr)

	// Release ends the use of the message: its memory is used for others, and its
	// plaintext overwritten. Call it once nothing reads the Envelope, nor strings of
	// its Nodes. What Principal, Service, Groups and Notes have returned stays. A
	// second call does nothing.
	Release()

	byDoor()
}

// forwarded is embedded in messages that are for the backend.
type forwarded struct{}

func (forwarded) Answers() bool { return false }

func (forwarded) Answer(context.Context) ([]byte, error) {
	return nil, errors.New("door: the message is for the backend")
}
