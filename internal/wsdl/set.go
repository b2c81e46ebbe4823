package wsdl

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"path"
	"strconv"
	"strings"
)

// Bounds of a [Set].
const (
	maxDocuments = 256
	maxSetBytes  = 16 << 20
	maxElements  = 500_000
)

// A Source is where documents come from. Locations are in a form of its own.
type Source interface {
	// Root returns the location of the WSDL.
	Root() string
	// Resolve returns the location of a link in the document at base. The error is
	// [ErrElsewhere] for one that is not to be followed.
	Resolve(base, link string) (location string, err error)
	// Fetch returns the octets of a document, at most limit of them, and the charset
	// that its sender has named.
	Fetch(ctx context.Context, location string, limit int) (src []byte, charset string, err error)
}

// ErrElsewhere is the error of a link that leads to where nothing is fetched
// from.
var ErrElsewhere = errors.New("leads to a place that is not listed")

// A Set is a WSDL with all that it links to, each document once.
type Set struct {
	Documents []*Document // the WSDL first
	// Left are the links to schemas elsewhere, which were not followed, with their
	// places.
	Left []string

	keys  []string // of each document: the query that asks for it, "wsdl" for the first
	links [][]int  // of each document, for each of its Links: the document; -1 for one of Left
}

// Load fetches the WSDL of a source and what it links to. It follows each link
// once, in the order of the documents, whatever circles they make. A link of a
// WSDL to another one elsewhere is an error, as that would have no policy; one to
// a schema is left as it is.
func Load(ctx context.Context, source Source) (*Set, error) { return load(ctx, source, queryWSDL) }

// load is [Load], for a WSDL that query asks for. What is linked from that of
// querySingle gets queries of its own, as it may differ from what ?wsdl links to.
func load(ctx context.Context, source Source, query string) (*Set, error) {
	s := &Set{}
	l := loader{set: s, source: source, query: query, at: map[string]int{}, used: map[string]bool{}, room: maxSetBytes}
	if _, err := l.add(source.Root(), KindWSDL); err != nil {
		return nil, err
	}
	s.keys[0] = query
	for i := 0; i < len(l.locations); i++ {
		if err := l.read(ctx, i); err != nil {
			if i == 0 {
				err = absent(query, err)
			}
			return nil, err
		}
	}
	return s, nil
}

type loader struct {
	set       *Set
	source    Source
	query     string // for the WSDL
	locations []string
	kinds     []Kind
	at        map[string]int  // by location
	used      map[string]bool // keys
	room      int             // octets
	elements  int
}

// add returns the number of the document at a location, which is read later.
func (l *loader) add(location string, kind Kind) (int, error) {
	if i, known := l.at[location]; known {
		return i, nil
	}
	if len(l.locations) == maxDocuments {
		return 0, fmt.Errorf("more than %d documents", maxDocuments)
	}
	i := len(l.locations)
	l.at[location] = i
	l.locations, l.kinds = append(l.locations, location), append(l.kinds, kind)
	l.set.keys = append(l.set.keys, l.key(location, kind))
	return i, nil
}

// read reads a document, and adds those that it links to.
func (l *loader) read(ctx context.Context, i int) error {
	limit := min(l.room, DefaultMaxDocument)
	src, charset, err := l.source.Fetch(ctx, l.locations[i], limit)
	if err != nil {
		return fmt.Errorf("%s: %w", l.locations[i], err)
	}
	l.room -= len(src)
	d, err := Parse(l.locations[i], src, Options{MaxDocument: limit, Charset: charset})
	switch {
	case err != nil:
		return err
	case d.Kind != l.kinds[i]:
		return d.Errorf(d.Root, "is a %s, and was linked as a %s", d.Kind, l.kinds[i])
	}
	if n, _ := d.Root.Doc().Count(); n > maxElements-l.elements {
		return fmt.Errorf("more than %d elements in all documents", maxElements)
	} else {
		l.elements += n
	}
	targets := make([]int, len(d.Links))
	for k, link := range d.Links {
		if targets[k], err = l.follow(d, link); err != nil {
			return err
		}
	}
	l.set.Documents, l.set.links = append(l.set.Documents, d), append(l.set.links, targets)
	return nil
}

// follow returns the number of the document that a link leads to, -1 if it is
// left as it is.
func (l *loader) follow(d *Document, link Link) (int, error) {
	location, err := l.source.Resolve(d.Name, link.Location)
	if errors.Is(err, ErrElsewhere) && link.Kind == KindSchema {
		l.set.Left = append(l.set.Left, d.Place(link.Node).String()+": "+link.Location)
		return -1, nil
	}
	if err == nil {
		i, full := l.add(location, link.Kind)
		if full == nil {
			return i, nil
		}
		err = full
	}
	return 0, d.Errorf(link.Node, "link to %.200q: %w", link.Location, err)
}

// key returns the query that asks for a document: what it is called where it
// comes from, so that the query stays the same when other documents come or go.
func (l *loader) key(location string, kind Kind) string {
	parameter := "xsd"
	if kind == KindWSDL {
		parameter = "wsdl"
	}
	name := nameOf(location, parameter)
	if l.query == querySingle {
		parameter = querySingle
	}
	key := parameter + "=" + name
	for n := 2; l.used[key]; n++ {
		key = parameter + "=" + name + "-" + strconv.Itoa(n)
	}
	l.used[key] = true
	return key
}

// nameOf returns the value of the query that a location has, as WCF and CXF write
// it, or the last name of its path.
func nameOf(location, parameter string) string {
	name := path.Base(location)
	if u, err := url.Parse(location); err == nil {
		name = path.Base(u.Path)
		for k, v := range u.Query() {
			if strings.EqualFold(k, parameter) && v[0] != "" {
				name = path.Base(v[0])
			}
		}
	}
	name = strings.Map(func(r rune) rune {
		if r < 128 && (r == '.' || r == '-' || r == '_' || '0' <= r && r <= '9' || 'a' <= r|0x20 && r|0x20 <= 'z') {
			return r
		}
		return -1
	}, name)
	if name = strings.TrimLeft(name, "."); name == "" || len(name) > 100 {
		return "document"
	}
	return name
}
