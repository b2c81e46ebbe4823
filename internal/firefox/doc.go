// Package firefox runs Firefox without a window for tests, and steers it by
// WebDriver BiDi, which it speaks itself:
//
//	browser := firefox.Start(t, firefox.Config{})
//	page := browser.Open(t, "http://localhost:8080/")
//	title, err := page.Run(t.Context(), "document.title")
//
// [Path] and [Package] say what has to be installed.
//
//	firefox.go  the browser: profile, start, end; pages
//	bidi.go     commands of WebDriver BiDi and their results
//
// # Security considerations
//
// The profile is new and is removed after the test. The browser takes every
// certificate, and commands from every program of the machine.
package firefox
