// Package admin is the operator's side of a running gateway: what it does, how it
// is, and the level of its log, over HTTP on an address of its own.
//
//	GET  /             the status page
//	GET  /healthz      200 while the process serves
//	GET  /readyz       200 while it may get requests, else 503 with the reasons
//	GET  /metrics      metrics, in the formats of Prometheus
//	GET  /jwks         the keys by which backends verify assertions
//	GET  /log-level    the lowest level that is logged; PUT sets it
//	POST /doctor       checks what the gateway needs, and shows what was found
//	GET  /debug/pprof/ profiles of the process
//
// An [Admin] is told of each exchange by [Admin.Observe], and asks for all else
// when it is asked.
//
// # Security considerations
//
// Unless [Config.Protect] is set, whoever reaches the address sees names of routes, services and files, addresses
// of clients and the texts of refusals, and can take profiles; names of
// clients are shown only where the configuration says so. It has nothing of
// messages, and no keys. It answers requests whose Host is an IP address,
// localhost or one that is configured, so that no page of another site can
// read it by a name of its own that it points here, and changes nothing at
// the request of another site's page.
//
// # Files
//
//	admin.go    Admin, its paths, which requests are answered
//	serve.go    the listener and its limits
//	metrics.go  the metrics, and the exchanges in them
//	batch.go    exchanges that are counted together
//	state.go    those that are read when they are asked for
//	recent.go   the last refusals, exchanges by the minute
//	health.go   /healthz, /readyz, /log-level
//	page.go     the status page; page.html, page.css
//	plot.go     the small plots in it
//	doctor.go   the report of the checks
package admin
