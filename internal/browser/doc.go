// Package browser holds the files of the browser client, a module and its
// WebAssembly, and serves them. They are made by
//
//	go generate ./internal/browser
//
// which fills the folder dist; a binary that is built afterwards has them. One
// that is built without has none, and [Embedded] returns [ErrNotBuilt].
//
// # Terms
//
//	Specification                                        Go
//	---------------------------------------------------  -----------------------
//	RFC 9110 12.5.3: Accept-Encoding                     acceptable
//	RFC 9110 8.8.3, 13.1.2: ETag, If-None-Match          form.etag, matches
//	RFC 8246: immutable responses                        File.Immutable
//	Subresource Integrity 3.1: integrity metadata        Integrity
//	Content Security Policy 3: serialized policy         Files.Policy
//	Fetch 3.3.3: Access-Control-Allow-Origin             handler.allow
//
// # Files
//
//	files.go    the files and their forms
//	handler.go  serving them
//	coding.go   which form a client gets
//	policy.go   what a page writes about them: policy and integrity
//
// # Security considerations
//
// The files are public: nothing in them is of one installation, and nobody is
// asked who they are. Which origin may load them decides nothing about what the
// scripts of a page may do; that is decided at the relay and at the routes. They
// decide what a page does with its user's password, so whoever can change them on
// the way has it: serve them by TLS. The entry module names the module that it is
// for by its hash, and the module the WebAssembly by its integrity. So a page that
// has the integrity of the module is sure of all.
package browser
