package importer

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/wssgate/wssgate/internal/wsdl"
	"github.com/wssgate/wssgate/wssec"
)

// Placeholders for what no WSDL says. serve refuses each with its name.
const (
	noKeytab = "replace-with-the-keytab-of-the-service"
	noCert   = "replace-with-the-certificate-chain.pem"
	noKey    = "replace-with-the-private-key.pem"
)

// A writer writes a YAML file line by line.
type writer struct {
	buf    bytes.Buffer
	indent string
}

// line writes a line, with a comment if there is one.
func (w *writer) line(text, comment string) {
	w.buf.WriteString(w.indent + text)
	if comment != "" {
		w.buf.WriteString(" # " + clean(comment))
	}
	w.buf.WriteByte('\n')
}

// comment writes a line of comment.
func (w *writer) comment(format string, args ...any) {
	w.buf.WriteString(w.indent + "# " + clean(fmt.Sprintf(format, args...)) + "\n")
}

// clean returns text that ends no comment: one line, printable and of bounded
// length.
func clean(s string) string {
	s = strings.Map(func(c rune) rune {
		if c < ' ' || c >= 0x7f && c < 0xa0 || c == 0x2028 || c == 0x2029 || c == 0xfeff {
			return ' '
		}
		return c
	}, strings.ToValidUTF8(s, "?"))
	if runes := []rune(s); len(runes) > 400 {
		return string(runes[:400]) + "…"
	}
	return s
}

// plainURL matches paths and URLs that need no quotes in YAML.
var plainURL = regexp.MustCompile(`^(https?://|/)[A-Za-z0-9/._~-]*(:[0-9]+)?[A-Za-z0-9/._~-]*$`)

// quote returns a YAML scalar for a text.
func quote(s string) string {
	if plainURL.MatchString(s) {
		return s
	}
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf) // JSON strings are YAML's double-quoted ones
	enc.SetEscapeHTML(false)
	if err := enc.Encode(s); err != nil {
		return `""`
	}
	return strings.TrimSpace(buf.String())
}

// quoteAll returns a YAML list of texts.
func quoteAll(list []string) string {
	quoted := make([]string, len(list))
	for i, s := range list {
		quoted[i] = quote(s)
	}
	return "[" + strings.Join(quoted, ", ") + "]"
}

// write writes the configuration file.
func (r *router) write() []byte {
	w := &writer{}
	w.comment("From %s, by wssgate import. Places are line:column of it, or those of what it imports.",
		r.documents[0].Name)
	if len(r.lacks) > 0 {
		w.comment("NOT COMPLETE: the WSDL asks for what wssgate does not have:")
		for _, f := range r.lacks {
			w.comment("  %s", r.finding(f))
		}
	}
	for _, f := range r.skipped {
		w.comment("Without a route: %s", r.finding(f))
	}
	mixed := r.listeners(w)
	w.line("keytab: "+quote(cmp.Or(absolute(r.Keytab), noKeytab)), unlessGiven(r.Keytab,
		"the WSDL cannot say; see also kerberos-service"))
	w.line("routes:", "")
	for _, e := range r.routes {
		r.route(w, e, mixed)
	}
	return w.buf.Bytes()
}

// absolute returns the absolute path of a file that a flag names. In a configuration
// file a relative one counts from the folder of that file, which nobody knows yet.
func absolute(file string) string {
	path, typed := strings.CutPrefix(file, "FILE:")
	if path == "" {
		return file
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return file
	}
	if typed {
		return "FILE:" + path
	}
	return path
}

func unlessGiven(given, comment string) string {
	if given != "" {
		return ""
	}
	return comment
}

// listeners writes where to listen, and reports whether there are listeners with TLS
// and without.
func (r *router) listeners(w *writer) (mixed bool) {
	withTLS := slices.ContainsFunc(r.routes, func(e *route) bool { return e.tls })
	plain := slices.ContainsFunc(r.routes, func(e *route) bool { return !e.tls })
	listen, listenTLS := quote(cmp.Or(r.Listen, ":8080")), quote(cmp.Or(r.ListenTLS, ":8443"))
	cert, key := quote(cmp.Or(absolute(r.TLSCert), noCert)), quote(cmp.Or(absolute(r.TLSKey), noKey))
	switch {
	case r.TLSOffloaded:
		w.line("listen: "+listen, "")
		w.line("tls-offloaded: true", "nothing but the proxy that ends TLS may reach this port")
	case withTLS && plain:
		w.line("listeners:", "")
		w.line("  - name: plain", "")
		w.line("    listen: "+listen, "")
		w.line("  - name: tls", "")
		w.line("    listen: "+listenTLS, "")
		w.line("    tls-cert: "+cert, unlessGiven(r.TLSCert, "replace"))
		w.line("    tls-key: "+key, unlessGiven(r.TLSKey, "replace"))
		return true
	case withTLS:
		w.line("listen: "+listenTLS, "")
		w.line("tls-cert: "+cert, unlessGiven(r.TLSCert, "replace, or set tls-offloaded"))
		w.line("tls-key: "+key, unlessGiven(r.TLSKey, "replace"))
	default:
		w.line("listen: "+listen, "")
	}
	return false
}

// route writes an entry of routes:.
func (r *router) route(w *writer, e *route, mixed bool) {
	w.indent = "  "
	for _, p := range e.ports {
		w.comment("%s: port %s of service %s", r.place(p.at), p.name, p.service)
	}
	for _, f := range e.notes {
		w.comment("%s", r.finding(f))
	}
	w.line("- path: "+quote(e.path), r.place(e.ports[0].locationAt))
	w.indent = "    "
	if mixed {
		w.line("on-listeners: ["+map[bool]string{false: "plain", true: "tls"}[e.tls]+"]", "")
	}
	r.protection(w, e)
	r.service(w, e)
	w.line("backend: "+quote(r.backendOf(e)), unlessGiven(r.Backend,
		"replace: where the service takes messages without protection"))
	w.indent = ""
}

// protection writes the standard of a route and what belongs to it.
func (r *router) protection(w *writer, e *route) {
	at := r.places(e.attached)
	if e.negotiate {
		w.line("standard: spnego-http", at)
		return
	}
	if addresses := r.addressesOf(e); len(addresses) > 0 {
		w.line("addresses: "+quoteAll(addresses), "")
	}
	if e.tls && !strings.HasPrefix(e.ports[0].location, "https:") {
		w.comment("The WSDL has an address without TLS, on which the policy relies.")
	}
	r.policy(w, e, at)
	if e.bootstrap {
		w.line("bootstrap-unprotected-body: true", "the BootstrapPolicy signs no Body: contexts rely on TLS")
	}
	r.addressing(w, e)
	r.description(w, e)
}

// description writes that clients get the WSDL from the gateway, if it is a file.
func (r *router) description(w *writer, e *route) {
	file, err := filepath.Abs(r.Source)
	switch _, unsaid := wsdl.WritePolicies(e.policies, wsdl.AddressingUnsaid); {
	case unsaid != nil:
		w.comment("wsdl: refuse, as no assertion says this policy: %v", unsaid)
	case r.Source == "-", isURL(r.Source), len(r.Allow) > 0, err != nil:
		w.comment("wsdl: write the name of a file with this WSDL here, for clients that ask the gateway for it")
	default:
		w.line("wsdl: "+quote(file), "what clients get at ?wsdl, with this policy in the place of its own")
	}
}

// addressing writes where WS-Addressing ends.
func (r *router) addressing(w *writer, e *route) {
	if e.uses == (wsdl.Place{}) {
		return
	}
	mode := cmp.Or(r.Addressing, "terminate")
	w.line("addressing: "+quote(mode), r.place(e.uses)+"; pass, if the service behind knows WS-Addressing")
	if mode == "terminate" {
		r.replyActions(w, e.actions)
	}
}

// replyActions writes the actions of replies that can be written in one line.
func (r *router) replyActions(w *writer, actions []actionPair) {
	var kept []actionPair
	for _, a := range actions {
		if strings.ContainsFunc(a.input+a.output, unicode.IsSpace) || a.input == "" || a.output == "" {
			w.comment("%s: no action has white space, nor is it empty: %q, %q", r.place(a.at), a.input, a.output)
			continue
		}
		kept = append(kept, a)
	}
	if len(kept) > 0 {
		w.line("reply-actions:", "")
	}
	for _, a := range kept {
		w.line("  - "+quote(a.input+" "+a.output), r.place(a.at))
	}
}

// service writes the principal.
func (r *router) service(w *writer, e *route) {
	id := e.identity
	if r.Service != "" {
		w.line("service: "+quote(r.Service), "")
		return
	}
	if id.service == "" {
		w.comment("service: the WSDL names no principal; write it if the keytab holds several")
	} else {
		w.line("service: "+quote(id.service), r.place(id.at))
	}
	if id.note != "" {
		w.comment("%s: %s", r.place(id.at), id.note)
	}
}

// place returns a place for a comment: without the file if that is the WSDL itself.
func (r *router) place(p wsdl.Place) string {
	if p.Document == r.documents[0].Name {
		return fmt.Sprintf("%d:%d", p.Line, p.Column)
	}
	return p.String()
}

// places returns several, not too many.
func (r *router) places(list []wsdl.Place) string {
	var all []string
	for i, p := range list {
		if i == maxPlaces {
			all = append(all, "…")
			break
		}
		all = append(all, r.place(p))
	}
	return strings.Join(all, ", ")
}

// maxPlaces bounds the places in one comment.
const maxPlaces = 4

// finding returns a finding for a comment.
func (r *router) finding(f wsdl.Finding) string { return r.place(f.Place) + ": " + f.Text }

// policy writes the policies of a route: the name of a preset, or mappings.
func (r *router) policy(w *writer, e *route, at string) {
	if len(e.policies) == 1 {
		p := e.policies[0]
		if preset := wsdl.PresetOf(p); preset != "" {
			w.line("policy: "+preset, at)
			return
		}
		w.line("policy:", at)
		w.indent += "  "
		writePolicy(w, p)
		w.indent = w.indent[2:]
		return
	}
	w.line("policy:", at)
	names := map[string]bool{}
	for i, p := range e.policies {
		name := p.Name
		if names[name] {
			name = fmt.Sprintf("%s %d", name, i+1)
		}
		names[name] = true
		w.line("  - name: "+quote(name), "")
		w.indent += "    "
		writePolicy(w, p)
		w.indent = w.indent[4:]
	}
}

// writePolicy writes the keys of a policy that are not at their defaults.
func writePolicy(w *writer, p wssec.Policy) {
	w.line("binding: "+string(p.Binding), "")
	for _, f := range []struct{ key, value string }{
		{"protection-token", string(p.ProtectionToken)}, {"supporting-tokens", supportingTokens(p)},
		{"algorithm-suite", string(p.AlgorithmSuite)}, {"signature-method", string(p.SignatureMethod)},
		{"signed-parts", parts(p.SignedParts)}, {"encrypted-parts", parts(p.EncryptedParts)},
		{"optional-encrypted-parts", parts(p.OptionalEncryptedParts)},
		{"protection-order", string(p.ProtectionOrder)}, {"encrypt-signature", set(p.EncryptSignature)},
		{"derived-keys", string(p.DerivedKeys)}, {"timestamp", string(p.Timestamp)},
		{"protect-tokens", set(p.ProtectTokens)}, {"layout", string(p.Layout)},
		{"signature-confirmation", set(p.SignatureConfirmation)}, {"key-fit", string(p.KeyFit)},
		{"token-once", set(p.TokenOnce)},
	} {
		if f.value != "" {
			w.line(f.key+": "+f.value, "")
		}
	}
	switch {
	case p.Bootstrap == nil:
	case wsdl.PresetOf(*p.Bootstrap) != "":
		w.line("bootstrap: "+wsdl.PresetOf(*p.Bootstrap), "")
	default:
		w.line("bootstrap:", "")
		w.indent += "  "
		writePolicy(w, *p.Bootstrap)
		w.indent = w.indent[2:]
	}
}

func set(b bool) string {
	if b {
		return "true"
	}
	return ""
}

func supportingTokens(p wssec.Policy) string {
	var list []string
	for _, t := range p.SupportingTokens {
		list = append(list, fmt.Sprintf("{token: %s, use: %s}", t.Token, t.Use))
	}
	if len(list) == 0 {
		return ""
	}
	return "[" + strings.Join(list, ", ") + "]"
}

func parts(p wssec.Parts) string {
	switch {
	case p.IsZero():
		return ""
	case len(p.Headers) == 0:
		return "{body: true}"
	case !p.Body:
		return "{headers: " + quoteAll(p.Headers) + "}"
	}
	return "{body: true, headers: " + quoteAll(p.Headers) + "}"
}
