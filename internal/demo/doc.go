// Package demo shows one protected call, for `wssgate demo`: a KDC, a client,
// the gateway and a plain service, in one process and on loopback. Nothing in it is
// made up for the show: the gateway is assembled from settings as serve does it, and
// each step checks what it prints. With the browser client in the program it serves a
// page, too, on which a browser is the client.
//
//	demo.go       the steps, in their order
//	client.go     the client's side
//	world.go      all parties, each on a port of its own
//	quotes.go     the service
//	events.go     what the gateway logs
//	page.go       the page: page.html, page.css, page.js
//	exchanges.go  what came to the gateway, and what became of it, for the page
//	print.go      how it looks on a terminal
//
// # Security considerations
//
// The page and what it shows are of the demo: alice, her password and the keys are
// made for it and are good for nothing else. It listens on loopback, answers to its
// own name alone, and shows what clients send as text, whatever that is.
package demo
