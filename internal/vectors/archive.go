package vectors

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/wssgate/wssgate/kerberos/gss"
	"github.com/wssgate/wssgate/wssec"
)

// header is that of a text archive; testvectors/README.md defines the keys.
type header struct {
	Expect, Comment, Flags string

	Kind              string
	Time              time.Time
	Service, Client   string
	Keytab            string
	Etypes            []int32
	Key               hexOctets
	TokenKey          hexOctets `json:"token-key"`
	TLS               bool
	Direction         string
	Policy, Bootstrap yamlPolicy
	Contexts          []Context
	Limits            caseLimits
	Charset           string
	ContentType       string `json:"content-type"`
	ContentPrefixes   string `json:"content-prefixes"`

	// Of tokens.
	Bindings     []hexOctets
	BindingRule  string   `json:"binding-rule"`
	ClientRealms []string `json:"client-realms"`
	KeySource    string   `json:"key-source"`
	MaxSkew      string   `json:"max-skew"`
	ExactKvno    bool     `json:"exact-kvno"`
	PAC          gss.PACRule
	Address      string    // of the client; tickets are held to it
	ReplaySince  time.Time `json:"replay-since"`

	// Of HTTP.
	Route  routeSettings
	Status int

	// Of per-message tokens and negotiations.
	Etype        int32
	AcceptorKey  hexOctets `json:"acceptor-key"`
	InitiatorKey hexOctets `json:"initiator-key"`
	From         string
	Sequence     uint32
	Sealed       bool
	Identifier   string
	CombinedHash hexOctets `json:"combined-hash"`

	// Of canonical forms.
	Prefixes     []string
	SHA1, SHA256 hexOctets
}

// caseLimits are the limits of XML that a case is for, in place of the
// defaults of package xmltext.
type caseLimits struct {
	MessageBytes         int `json:"message-bytes"`
	Depth                int
	Elements             int
	Attributes           int
	AttributesPerElement int `json:"attributes-per-element"`
	NamespacesInScope    int `json:"namespaces-in-scope"`
	NameBytes            int `json:"name-bytes"`
	ValueBytes           int `json:"value-bytes"`
}

// hexOctets are octets in hexadecimal.
type hexOctets []byte

func (h *hexOctets) UnmarshalJSON(b []byte) error {
	var text string
	err := json.Unmarshal(b, &text)
	if err != nil {
		return err
	}
	if *h, err = hex.DecodeString(text); err != nil {
		return errHexadecimal // the text may be a key
	}
	return nil
}

var errHexadecimal = errors.New("octets that are not in hexadecimal")

// yamlPolicy is a policy in the words of a configuration file.
type yamlPolicy struct{ *wssec.Policy }

func (p *yamlPolicy) UnmarshalJSON(b []byte) error {
	p.Policy = &wssec.Policy{}
	return yaml.UnmarshalWithOptions(b, p.Policy, yaml.DisallowUnknownField())
}

// An archive is a vector that was made, not recorded.
type archive struct {
	header
	sections map[string][]byte
	forgets  bool // each message is new to its receiver
}

// parseArchive reads a text archive.
func parseArchive(text []byte) (*archive, error) {
	a := &archive{sections: map[string][]byte{}}
	t := txtar.Parse(text)
	for _, f := range t.Files {
		name, coded := strings.CutSuffix(f.Name, ".base64")
		data := f.Data
		if coded {
			var err error
			if data, err = base64.StdEncoding.DecodeString(strings.ReplaceAll(string(data), "\n", "")); err != nil {
				return nil, fmt.Errorf("section %s: not base64", f.Name)
			}
		}
		if _, ok := a.sections[name]; ok {
			return nil, fmt.Errorf("two sections %s", name)
		}
		a.sections[name] = data
	}
	return a, a.parseHeader(string(t.Comment))
}

// parseHeader reads the lines "key: value". A value is text, or JSON.
func (a *archive) parseHeader(text string) error {
	fields := map[string]json.RawMessage{}
	for line := range strings.Lines(text) {
		key, value, ok := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
		if _, twice := fields[key]; !ok || twice {
			return fmt.Errorf("header: %.80q is no line \"key: value\" of its own", line)
		}
		fields[key] = json.RawMessage(value)
		if !isJSON(key, value) {
			fields[key], _ = json.Marshal(value)
		}
	}
	b, err := json.Marshal(fields)
	if err != nil {
		return err
	}
	dec := json.NewDecoder(strings.NewReader(string(b)))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&a.header); err != nil {
		return fmt.Errorf("header: %w", err)
	}
	if a.Expect == "" || a.Comment == "" || a.Flags == "" {
		return errors.New("header: without expect, comment or flags")
	}
	return nil
}

// isJSON reports whether a value is JSON: an object, a list, a truth value, or a
// number.
func isJSON(key, value string) bool {
	switch {
	case value == "true", value == "false", strings.HasPrefix(value, "{"), strings.HasPrefix(value, "["):
		return key != "comment"
	}
	return key == "etype" || key == "sequence" || key == "status"
}

// readArchive reads one of a file system.
func readArchive(files fs.FS, name string) (*archive, error) {
	text, err := fs.ReadFile(files, name)
	if err != nil {
		return nil, err
	}
	a, err := parseArchive(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if a.Keytab != "" {
		a.sections["keytab"], err = fs.ReadFile(files, path.Join(path.Dir(name), a.Keytab))
	}
	return a, err
}
