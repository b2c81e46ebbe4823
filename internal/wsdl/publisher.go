package wsdl

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/wssgate/wssgate/wssec"
)

// Config configures a [Publisher]. Source and Log are required.
type Config struct {
	Source Source
	// Single is where the WSDL is in one document, if it is, nil for nowhere.
	Single Source
	// Paths are the paths of the service in the addresses of the WSDL.
	Paths []string
	// Policies are those of the endpoint, which take the place of the WSDL's own.
	// None leaves these as they are.
	Policies []wssec.Policy
	// Addressing is what the policy says of WS-Addressing, if the WSDL does not say
	// more.
	Addressing Addressing
	Identity   Identity
	Log        *slog.Logger // gets what was loaded, and why it was not

	// MaxAge is for how long a loaded WSDL is good. Zero means 30 seconds.
	MaxAge time.Duration
	// MaxStale is for how long it is published when a newer one cannot be loaded.
	// Zero means a day.
	MaxStale time.Duration
	// Retry is the time between two attempts to load it, after one has failed. Zero
	// means 5 seconds.
	Retry time.Duration
	// Timeout is the time to load it in. Zero means 30 seconds.
	Timeout time.Duration
}

// ErrNoDocument is the error of a query that asks for no document.
var ErrNoDocument = errors.New("there is no such document")

// A Publisher publishes the description of one endpoint as clients are to see it.
// It loads the WSDL when it is asked for, once for all who ask at a time. It is
// safe for concurrent use.
type Publisher struct {
	cfg    Config
	query  string     // that asks for the WSDL, queryWSDL or querySingle
	single *Publisher // of Config.Single; nil without one

	mu      sync.Mutex
	now     *published    // nil before the first
	loaded  time.Time     // when it was
	tried   time.Time     // when loading was last tried
	err     error         // of the last attempt
	loading chan struct{} // closed when the load in progress ends; nil without one
}

// published are the templates of all documents by their queries.
type published struct {
	documents map[string][]byte
	order     []string // of the keys
	sections  []section
	absent    error // if there is none: what says so
}

// NewPublisher returns a [Publisher]. It fails if a policy cannot be published.
func NewPublisher(c Config) (*Publisher, error) {
	setDefault(&c.MaxAge, 30*time.Second)
	setDefault(&c.MaxStale, 24*time.Hour)
	setDefault(&c.Retry, 5*time.Second)
	setDefault(&c.Timeout, 30*time.Second)
	if len(c.Policies) > 0 {
		if _, err := WritePolicies(c.Policies, AddressingUnsaid); err != nil {
			return nil, err
		}
	}
	p := &Publisher{cfg: c, query: queryWSDL}
	if c.Single != nil {
		p.single = &Publisher{cfg: c, query: querySingle}
		p.single.cfg.Source = c.Single
	}
	return p, nil
}

func setDefault(d *time.Duration, value time.Duration) {
	if *d == 0 {
		*d = value
	}
}

// IsQuery reports whether the query of a URL asks for a description.
func IsQuery(query string) bool {
	_, ok := documentKey(query)
	return ok
}

// documentKey returns the key of a document that the query of a URL asks for: "wsdl",
// "wsdl=name", "xsd=name", "singlewsdl" or "singlewsdl=name". The case of the
// parameter makes no difference.
func documentKey(query string) (key string, ok bool) {
	name, value, _ := strings.Cut(query, "=")
	name = strings.ToLower(name)
	if name != queryWSDL && name != "xsd" && name != querySingle {
		return "", false
	}
	if value, err := url.QueryUnescape(value); err == nil && value != "" {
		return name + "=" + value, true
	}
	return name, true
}

// Size returns the octets of the document that a query asks for, without its
// addresses, which are as many as marks. It loads the documents if need be. The
// error is [ErrNoDocument] if there is none.
func (p *Publisher) Size(ctx context.Context, query string) (size, marks int, err error) {
	t, err := p.lookup(ctx, query)
	return len(t), strings.Count(string(t), mark), err
}

// Document returns the document that the query of a URL asks for. address is that
// of the service, without query.
func (p *Publisher) Document(ctx context.Context, query, address string) ([]byte, error) {
	t, err := p.lookup(ctx, query)
	if err != nil {
		return nil, err
	}
	return fill(t, address), nil
}

// lookup returns the template of the document that a query asks for.
func (p *Publisher) lookup(ctx context.Context, query string) ([]byte, error) {
	key, ok := documentKey(query)
	switch {
	case !ok:
		return nil, ErrNoDocument
	case strings.HasPrefix(key, querySingle):
		return p.findSingle(ctx, key)
	}
	return p.find(ctx, key)
}

// find returns the template with a key.
func (p *Publisher) find(ctx context.Context, key string) ([]byte, error) {
	all, err := p.current(ctx)
	if err != nil {
		return nil, err
	}
	t, ok := all.documents[key]
	switch {
	case all.absent != nil:
		return nil, all.absent
	case !ok:
		return nil, fmt.Errorf("%.100q: %w", key, ErrNoDocument)
	}
	return t, nil
}

// current returns what is published now. It waits for a load that is due, and
// returns what was loaded before if that fails.
func (p *Publisher) current(ctx context.Context) (*published, error) {
	p.mu.Lock()
	if p.due(time.Now()) {
		p.loading = make(chan struct{})
		go p.load(p.loading) // for all who ask, whoever goes away
	}
	loading := p.loading
	p.mu.Unlock()
	if loading != nil {
		select {
		case <-loading:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.now != nil && time.Since(p.loaded) < p.cfg.MaxStale {
		return p.now, nil
	}
	return nil, p.err
}

// due reports whether a load is to begin.
func (p *Publisher) due(now time.Time) bool {
	switch {
	case p.loading != nil:
		return false
	case p.err != nil:
		return now.Sub(p.tried) >= p.cfg.Retry
	}
	return p.now == nil || now.Sub(p.loaded) >= p.cfg.MaxAge
}

func (p *Publisher) load(done chan struct{}) {
	defer close(done)
	ctx, cancel := context.WithTimeout(context.Background(), p.cfg.Timeout)
	defer cancel()
	all, left, err := p.publish(ctx)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.loading, p.tried = nil, time.Now()
	if p.err = err; err != nil {
		p.cfg.Log.Warn("the WSDL cannot be loaded", "from", p.cfg.Source.Root(), "error", err, "published", p.now != nil)
		return
	}
	if p.now == nil && all.absent == nil {
		p.cfg.Log.Info("the WSDL is loaded", "from", p.cfg.Source.Root(), "documents", len(all.order))
		for _, link := range left {
			p.cfg.Log.Warn("a schema elsewhere is left to the client", "link", link,
				"cure", "name its host in wsdl-imports to publish it with the WSDL")
		}
	}
	p.now, p.loaded = all, time.Now()
}

// publish loads the documents and makes the templates of them.
func (p *Publisher) publish(ctx context.Context) (all *published, left []string, err error) {
	defer func() {
		if bug := recover(); bug != nil {
			err = fmt.Errorf("panic: %v", bug)
		}
	}()
	set, err := load(ctx, p.cfg.Source, p.query)
	switch {
	case errors.Is(err, ErrNoDocument):
		return &published{absent: err}, nil, nil
	case err != nil:
		return nil, nil, err
	}
	r := newRewriting(set, p.cfg.Paths)
	if len(p.cfg.Policies) > 0 {
		a, err := WritePolicies(p.cfg.Policies, max(p.cfg.Addressing, r.addressing()))
		if err != nil {
			return nil, nil, err
		}
		r.assertions, r.identity = &a, p.cfg.Identity
	}
	all = &published{documents: map[string][]byte{}, order: set.keys}
	for i, key := range set.keys {
		t := r.template(i)
		all.documents[key] = t
		all.sections = append(all.sections, newSection(set.Documents[i], key))
	}
	return all, slices.Clip(set.Left), nil
}
