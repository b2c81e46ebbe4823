package telemetry

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"maps"
	"math"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/net/http/httpguts"
)

// settings are those of the variables OTEL_….
type settings struct {
	endpoint   *url.URL
	headers    http.Header
	timeout    time.Duration // for one request
	compresses bool
	ca, cert   string // files; "" for none
	key        string

	sampler    sampler
	propagates bool
	resource   []Attr

	delay    time.Duration // for a batch to fill
	patience time.Duration // for a batch, with what is tried again
	queue    int           // spans of exchanges that wait
	batch    int           // spans, stages too, of a request
}

// An environment reads variables. The first error counts.
type environment struct {
	get func(string) string
	err error
}

// readEnvironment returns the settings, nil if nothing is to be traced.
func readEnvironment(getenv func(string) string, version string) (*settings, error) {
	e := &environment{get: getenv}
	if !e.isOn() {
		return nil, e.err
	}
	s := &settings{
		endpoint: e.endpoint(), headers: e.headers(), ca: e.ofTraces("CERTIFICATE"),
		cert: e.ofTraces("CLIENT_CERTIFICATE"),
		key:  e.ofTraces("CLIENT_KEY"), sampler: e.sampler(), propagates: e.propagates(), resource: e.resource(version),
		delay: e.duration("OTEL_BSP_SCHEDULE_DELAY", 5000), patience: e.duration("OTEL_BSP_EXPORT_TIMEOUT", 30_000),
		queue: e.number("OTEL_BSP_MAX_QUEUE_SIZE", 2048), batch: e.number("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", 512),
	}
	name, _ := e.nameOfTraces("TIMEOUT")
	s.timeout = e.duration(name, 10_000)
	switch name, value := e.nameOfTraces("COMPRESSION"); value {
	case "gzip":
		s.compresses = true
	case "", "none":
	default:
		e.refuse(name, value, "write gzip or none")
	}
	if name, value := e.nameOfTraces("PROTOCOL"); value != "" && value != "http/protobuf" {
		e.refuse(name, value, "write http/protobuf, for the collector's port 4318")
	}
	return s, e.err
}

func (e *environment) refuse(name, value, cure string) {
	if e.err == nil {
		e.err = fmt.Errorf("%s is %q; %s", name, value, cure)
	}
}

// isOn reports whether the variables ask for traces.
func (e *environment) isOn() bool {
	if strings.EqualFold(e.get("OTEL_SDK_DISABLED"), "true") {
		return false
	}
	switch value := e.get("OTEL_TRACES_EXPORTER"); value {
	case "otlp":
		return true
	case "none":
		return false
	case "":
		return e.ofTraces("ENDPOINT") != ""
	default:
		e.refuse("OTEL_TRACES_EXPORTER", value, "write otlp or none")
		return false
	}
}

// nameOfTraces returns a variable of the exporter, that of traces alone before that
// of all signals, and its value.
func (e *environment) nameOfTraces(what string) (name, value string) {
	if name = "OTEL_EXPORTER_OTLP_TRACES_" + what; e.get(name) != "" {
		return name, e.get(name)
	}
	name = "OTEL_EXPORTER_OTLP_" + what
	return name, e.get(name)
}

func (e *environment) ofTraces(what string) string {
	_, value := e.nameOfTraces(what)
	return value
}

// endpoint returns where spans are sent. That of all signals is what the path of
// traces is added to (OTLP exporter, Endpoint URLs for OTLP/HTTP).
func (e *environment) endpoint() *url.URL {
	name, value := e.nameOfTraces("ENDPOINT")
	if value == "" {
		value = "http://localhost:4318"
	}
	u, err := url.Parse(value)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		switch {
		case err == nil && u.Host != "":
			value = withoutSecrets(u)
		case err != nil || strings.ContainsAny(value, "@?"):
			value = "…" // it may have a password
		}
		e.refuse(name, value, "write a URL as http://localhost:4318")
		return nil
	}
	if name == "OTEL_EXPORTER_OTLP_ENDPOINT" {
		u = u.JoinPath("v1/traces")
	}
	return u
}

// withoutSecrets returns a URL without user, password and query, each of which may
// be what lets in there.
func withoutSecrets(u *url.URL) string {
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path, RawPath: u.RawPath}).String()
}

// headers returns those of requests. They are secret.
func (e *environment) headers() http.Header {
	h := http.Header{}
	name, list := e.nameOfTraces("HEADERS")
	for key, value := range e.pairs(name, list, isHeader) {
		h.Set(key, value)
	}
	return h
}

// isHeader reports whether HTTP has headers like this (RFC 9110 5.1, 5.5). Package
// net/http refuses others in each request, by an error with the name, which is the
// secret where somebody has written "Authorization: Basic …=".
func isHeader(key, value string) bool {
	return httpguts.ValidHeaderFieldName(key) && httpguts.ValidHeaderFieldValue(value)
}

// isAttribute reports whether a pair can be an attribute of the resource.
func isAttribute(key, value string) bool { return !strings.ContainsAny(key+value, "\r\n\x00") }

// pairs returns a list as key=value,key=value, whose values are percent-encoded. It
// refuses those that are not good.
func (e *environment) pairs(name, list string, good func(key, value string) bool) map[string]string {
	all := map[string]string{}
	for i, pair := range strings.Split(list, ",") {
		if strings.TrimSpace(pair) == "" {
			continue
		}
		key, value, ok := strings.Cut(pair, "=")
		value, err := url.PathUnescape(strings.TrimSpace(value))
		if key = strings.TrimSpace(key); !ok || key == "" || err != nil || !good(key, value) {
			e.refuse(name, "…", fmt.Sprintf("write its entry %d as key=value, with what is special "+
				"percent-encoded", i+1))
			continue
		}
		all[key] = value
	}
	return all
}

// sampler returns that of OTEL_TRACES_SAMPLER.
func (e *environment) sampler() (s sampler) {
	name := e.get("OTEL_TRACES_SAMPLER")
	if name == "" {
		name = "parentbased_always_on"
	}
	kind, followsParent := strings.CutPrefix(name, "parentbased_")
	s.followsParent = followsParent
	switch kind {
	case "always_on":
		s.threshold = 1 << 63
	case "always_off":
	case "traceidratio":
		s.threshold = uint64(math.Ldexp(e.ratio(), 63))
	default:
		e.refuse("OTEL_TRACES_SAMPLER", name,
			"write always_on, always_off, traceidratio, or one of them after parentbased_")
	}
	return s
}

func (e *environment) ratio() float64 {
	text := e.get("OTEL_TRACES_SAMPLER_ARG")
	if text == "" {
		return 1
	}
	ratio, err := strconv.ParseFloat(text, 64)
	if err != nil || !(ratio >= 0 && ratio <= 1) {
		e.refuse("OTEL_TRACES_SAMPLER_ARG", text, "write a part of all traces, as 0.01")
		return 0
	}
	return ratio
}

// propagates reports whether trace context is taken from requests and passed on.
// Baggage is neither.
func (e *environment) propagates() bool {
	value := e.get("OTEL_PROPAGATORS")
	if value == "" {
		return true
	}
	known := map[string]bool{"tracecontext": true, "baggage": false, "none": false}
	takes := false
	for name := range strings.SplitSeq(value, ",") {
		takes = takes || known[strings.TrimSpace(name)]
		if _, ok := known[strings.TrimSpace(name)]; !ok {
			e.refuse("OTEL_PROPAGATORS", value, "write tracecontext or none")
		}
	}
	return takes
}

// resource returns what is known of the process.
func (e *environment) resource(version string) (list []Attr) {
	all := e.pairs("OTEL_RESOURCE_ATTRIBUTES", e.get("OTEL_RESOURCE_ATTRIBUTES"), isAttribute)
	host, _ := os.Hostname()
	for key, value := range map[string]string{"service.name": "wssgate", "service.version": version, "host.name": host} {
		if all[key] == "" && value != "" {
			all[key] = value
		}
	}
	if name := e.get("OTEL_SERVICE_NAME"); name != "" {
		all["service.name"] = name
	}
	for _, key := range slices.Sorted(maps.Keys(all)) {
		list = append(list, Text(valid(key), all[key]))
	}
	return list
}

// number returns a variable that is a number greater than zero.
func (e *environment) number(name string, otherwise int) int {
	text := e.get(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil || n <= 0 || n > 1<<20 {
		e.refuse(name, text, "write a whole number from 1 to 1048576")
		return otherwise
	}
	return n
}

// duration returns a variable in milliseconds.
func (e *environment) duration(name string, otherwise int) time.Duration {
	return time.Duration(e.number(name, otherwise)) * time.Millisecond
}

// client returns the client of the collector.
func (s *settings) client() (*http.Client, error) {
	t := &http.Transport{Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true, MaxIdleConnsPerHost: 1,
		TLSHandshakeTimeout: s.timeout, IdleConnTimeout: 90 * time.Second, MaxResponseHeaderBytes: 64 << 10}
	t.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12}
	if s.ca != "" {
		text, err := os.ReadFile(s.ca)
		if err != nil {
			return nil, fmt.Errorf("OTEL_EXPORTER_OTLP_CERTIFICATE: %w; name a file that this process can read", err)
		}
		t.TLSClientConfig.RootCAs = x509.NewCertPool()
		if !t.TLSClientConfig.RootCAs.AppendCertsFromPEM(text) {
			return nil, errors.New("OTEL_EXPORTER_OTLP_CERTIFICATE: " + s.ca + " has no certificate in PEM")
		}
	}
	if s.cert != "" || s.key != "" {
		pair, err := tls.LoadX509KeyPair(s.cert, s.key)
		if err != nil {
			return nil, fmt.Errorf("OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE, …_CLIENT_KEY: %w; "+
				"name a certificate and its key, in PEM", err)
		}
		t.TLSClientConfig.Certificates = []tls.Certificate{pair}
	}
	// A redirection could lead the headers elsewhere.
	return &http.Client{Transport: t, Timeout: s.timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}, nil
}
