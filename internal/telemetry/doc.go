// Package telemetry traces exchanges: what each took, stage by stage, sent to a
// collector of OpenTelemetry.
//
//	tracer, err := telemetry.New(telemetry.Config{Getenv: os.Getenv, Version: version, Log: log})
//	span := tracer.Begin(request.Header) // nil, and so are all that follow, without a collector
//	span.Stage("verify", since, time.Now())
//	span.Call("backend", outgoing.Header)
//	span.End(outcome)
//
// Types of trace context are those of go.opentelemetry.io/otel/trace. What is
// recorded and sent is our own: the stages of a [Span] stand in memory that it has
// from another one, and it is encoded when it ends, once, into the request that is
// sent. The SDK of OpenTelemetry makes an object of each stage, and its exporter
// links all of gRPC.
//
// # Terms
//
//	specification                                      Go
//	traceparent, tracestate (W3C Trace Context 3)      Tracer.Begin, Span.Call
//	span, child span (OpenTelemetry)                   Span, its stages
//	sampler (SDK environment variables, General)       sampler
//	batch span processor (Trace SDK)                   exporter
//	OTLP/HTTP, ExportTraceServiceRequest (OTLP 1)      exporter.post, appendRequest
//	semantic conventions                               Attr, Outcome
//
// # Security considerations
//
// Trace context is taken from whoever sends it, before anything is known of the
// client: ids are labels, and nothing is decided by them. What is malformed or
// longer than 512 octets is ignored. A client can choose the trace that its
// exchange appears in and, with a sampler that follows its parent, whether it is
// recorded at all: traces are for finding what is slow, and the audit log is what
// has everything. OTEL_PROPAGATORS=none takes none from anybody.
//
// A span has what the log has of an exchange, without texts of errors, and names of
// clients only where the configuration says so. Headers that authenticate to the
// collector are in no error and no log.
//
// Nothing waits for the collector. Spans wait in a queue of fixed length, and what
// finds no room is lost and counted.
//
// # Files
//
//	tracer.go       Tracer, and which traces are recorded
//	span.go         Span
//	environment.go  the variables OTEL_…
//	export.go       the queue, and the collector
//	encode.go       OTLP
package telemetry
