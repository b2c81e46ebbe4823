package door

import (
	"context"
	"log/slog"

	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/soap/xmltext"
	"github.com/wssgate/wssgate/wssec"
)

// A Door lets exchanges in. It is safe for concurrent use.
type Door interface {
	// Name returns the name of what the door asks for, for the log.
	Name() string
	// Policies returns those that a message may be held to; none where nothing
	// is asked of messages.
	Policies() []wssec.Policy
	// Choose returns the door that a message is for: this one or, where it
	// stands for several, one of those.
	Choose(env *soap.Envelope) (Door, error)
	// Admit lets a message in, or returns why not. The envelope belongs to the
	// Admitted afterwards. An error may tell what a protection hides, in its
	// words and in its time: the gateway answers all of them alike, and when
	// the size of the message says.
	Admit(ctx context.Context, in Arrival) (Admitted, error)
	// AnsweredLate is told of an error of Admit that was answered later than
	// the size of its message says, because Admit took longer.
	AnsweredLate(err error)
}

// An Arrival is a message as it arrived: parsed, nothing of it believed.
type Arrival struct {
	Envelope *soap.Envelope
	Channel  wssec.Channel
}

// An Admitted is a message that a door has let in, and the way back to its
// sender. No other package can make one.
type Admitted interface {
	// Principal returns the client. It is not known where a door asks nobody.
	Principal() (name, realm string, known bool)
	// Service returns the principal that the client has called, "" if it is
	// not known.
	Service() string
	// Groups returns the security identifiers of the client's groups. Do not
	// change the list.
	Groups() []string

	// Envelope returns the message with its plaintext in place. It holds what
	// nothing covers, too.
	Envelope() *soap.Envelope
	// Covers reports whether the client's protection covers a header block.
	Covers(block xmltext.Node) bool
	// ForwardSize returns how many octets AppendForward appends at most.
	ForwardSize() int
	// AppendForward appends the message for the backend. The rule is for header
	// blocks that the protection does not cover.
	AppendForward(dst []byte, rule wssec.HeaderRule) ([]byte, error)
	// Protect returns the octets of a reply, protected for the client.
	Protect(ctx context.Context, reply *soap.Envelope) ([]byte, error)

	// Authorized is called when the route admits the client. An error costs later
	// messages something, not this one.
	Authorized(ctx context.Context) error
	// Notes returns what the log says of how the message was let in: the times of
	// stages, and other attributes.
	Notes() (stages, notes []slog.Attr)

	byDoor()
}
