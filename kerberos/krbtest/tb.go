package krbtest

// TB is the part of testing.TB that this package uses. It is declared here so
// that a program with a demonstration does not link package testing.
type TB interface {
	Helper()
	Fatal(args ...any)
	Fatalf(format string, args ...any)
	Skipf(format string, args ...any)
	Cleanup(func())
	TempDir() string
}
