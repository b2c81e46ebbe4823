// Package jsonlog writes log records as [log/slog.JSONHandler] does, octet for
// octet, in less time. A gateway writes a record for each exchange.
//
// A record whose attributes are strings, numbers, booleans, durations and groups
// of them, with nothing to be escaped, is written here. Every other is left to
// slog.
package jsonlog
