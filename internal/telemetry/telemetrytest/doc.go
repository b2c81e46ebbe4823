// Package telemetrytest is a collector of traces for tests: it reads what is sent by
// the types of OpenTelemetry's own protocol.
package telemetrytest
