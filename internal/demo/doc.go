// Package demo shows one protected call, for `wssgate demo`: a KDC, a client,
// the gateway and a plain SOAP service, in one process and on loopback. Nothing
// in it is made up for the show: the gateway is assembled from settings as
// serve does it, and each step checks what it prints.
//
//	demo.go     the steps, in their order
//	client.go   the client's side
//	world.go    all parties, each on a port of its own
//	print.go    how it looks on a terminal
package demo
