package web

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/wssgate/wssgate/client"
	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/soap/xmltext"
	"github.com/wssgate/wssgate/wssec"
	"github.com/wssgate/wssgate/wstrust"
)

// A Call is a SOAP message to a service. URL and Message are required.
type Call struct {
	URL string
	// Message is an envelope, or what is to stand in the Body of one.
	Message string
	// Policy is the name of one that wssec.Preset knows. "" means "Kerberos".
	Policy string
	// Service is the service's principal. "" means HTTP/ and the host of URL.
	Service string
	// Action is sent in HTTP, and in WS-Addressing.
	Action string
	// Version is that of an envelope that is made: "1.1", the default, or "1.2".
	Version string
	// Addressing is the version of the header blocks of WS-Addressing that a
	// message gets which has none: "none", "1.0" or "2004/08". "" means "1.0" if
	// there is an Action, else "none".
	Addressing string
	// Trust is the version of WS-Trust for policies that negotiate: "1.3" or
	// "2005/02", the default.
	Trust string
	// NoAuthenticator is client.Config.NoAuthenticator.
	NoAuthenticator bool
	// Timeout is for the call. 0 means 30 s.
	Timeout time.Duration
}

// maxClients bounds the services, each under one policy, that a session has
// clients of.
const maxClients = 64

// calls are the SOAP clients of a session. Under a policy that negotiates, a
// client keeps a security context.
type calls struct {
	session *Session

	mu      sync.Mutex
	clients map[clientKey]*client.Client // nil after close
}

// A clientKey is what calls have to have in common for one client.
type clientKey struct {
	url, policy, service, addressing, trust string

	noAuthenticator bool
	timeout         time.Duration
}

func newCalls(s *Session) *calls {
	return &calls{session: s, clients: make(map[clientKey]*client.Client)}
}

// Call protects a message as a policy asks, sends it, and returns the reply,
// verified and decrypted. Errors are *client.Error, a fault of the service among
// them, and [*Error].
func (s *Session) Call(ctx context.Context, call Call) (*client.Reply, error) {
	if err := s.over(); err != nil {
		return nil, err
	}
	c, err := s.calls.client(&call)
	if err != nil {
		return nil, err
	}
	message, err := envelopeOf(&call)
	if err != nil {
		return nil, err
	}
	ctx, cancel := s.while(ctx)
	defer cancel()
	reply, err := c.Call(ctx, client.Request{Message: message, Action: call.Action})
	return reply, s.outcome(err)
}

// client returns the client for a call, a new one if there is none.
func (c *calls) client(call *Call) (*client.Client, error) {
	u, err := url.Parse(call.URL)
	if err != nil {
		return nil, failf(CodeArgument, "%.200q is not a URL", call.URL)
	}
	if err := c.session.allow(u); err != nil {
		return nil, err
	}
	key := clientKey{call.URL, cmp.Or(call.Policy, "Kerberos"),
		cmp.Or(call.Service, "HTTP/"+strings.ToLower(u.Hostname())), call.addressing(),
		cmp.Or(call.Trust, "2005/02"), call.NoAuthenticator, call.Timeout}
	c.mu.Lock()
	defer c.mu.Unlock()
	if found := c.clients[key]; found != nil {
		return found, nil
	}
	if c.clients == nil {
		return nil, failf(CodeOver, "the user has logged out")
	}
	if len(c.clients) >= maxClients { // their contexts end by themselves
		clear(c.clients)
	}
	made, err := c.open(key)
	if err == nil {
		c.clients[key] = made
	}
	return made, err
}

// addressing returns the version of WS-Addressing of a call, as its users write it.
func (call *Call) addressing() string {
	if call.Addressing == "" && call.Action != "" {
		return "1.0"
	}
	return cmp.Or(call.Addressing, "none")
}

// open makes a client. Errors are of what the caller has asked for.
func (c *calls) open(key clientKey) (*client.Client, error) {
	policy, ok := wssec.Preset(key.policy)
	if !ok {
		return nil, failf(CodeArgument, "no policy is called %.100q; there are %s", key.policy,
			strings.Join(wssec.PresetNames(), ", "))
	}
	namespaces := map[string]string{"none": "", "1.0": soap.NSAddressing, "2004/08": soap.NSAddressing04}
	namespace, ok := namespaces[key.addressing]
	if !ok {
		return nil, failf(CodeArgument, "addressing is %.100q; it can be none, 1.0 and 2004/08", key.addressing)
	}
	trust, ok := map[string]wstrust.Version{"1.3": wstrust.V13, "2005/02": wstrust.Feb2005}[key.trust]
	if !ok {
		return nil, failf(CodeArgument, "trust is %.100q; it can be 1.3 and 2005/02", key.trust)
	}
	made, err := client.New(client.Config{
		URL: key.url, Service: key.service, Policy: policy, Tickets: c.session.tickets, Addressing: namespace,
		Trust: trust, NoAuthenticator: key.noAuthenticator, Timeout: key.timeout, Transport: c.session.base,
		Time: c.session.clock.now,
	})
	if err != nil {
		return nil, &Error{Code: CodeArgument, Err: err}
	}
	return made, nil
}

// envelopeOf returns the message of a call: it is one, or one is made around its
// root element. Text with more than that element would be another message than
// the caller means.
func envelopeOf(call *Call) ([]byte, error) {
	doc, err := xmltext.Scan([]byte(call.Message), xmltext.Options{})
	if err != nil {
		return nil, &Error{Code: CodeArgument, Err: fmt.Errorf("the message is not one XML element: %w", err)}
	}
	if doc.Root().Local() == "Envelope" {
		return []byte(call.Message), nil
	}
	version, ok := map[string]soap.Version{"": soap.V11, "1.1": soap.V11, "1.2": soap.V12}[call.Version]
	if !ok {
		return nil, failf(CodeArgument, "version is %.100q; it can be 1.1 and 1.2", call.Version)
	}
	start, _, _, end := doc.Root().SourceRange()
	return []byte(`<s:Envelope xmlns:s="` + version.Namespace() + `"><s:Body>` + string(doc.Source()[start:end]) +
		`</s:Body></s:Envelope>`), nil
}

// close ends all clients, and cancels their contexts as long as ctx lasts.
func (c *calls) close(ctx context.Context) {
	c.mu.Lock()
	clients := c.clients
	c.clients = nil
	c.mu.Unlock()
	var all sync.WaitGroup
	for _, open := range clients {
		all.Go(func() { _ = open.Close(ctx) })
	}
	all.Wait()
}

var _ http.RoundTripper = (*Session)(nil)
