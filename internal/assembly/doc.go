// Package assembly makes a running gateway of its configuration. It is the only
// package that joins a [gss.Acceptor] to a [wssec.Processor] in order to serve;
// explain and vectors join the two for one message.
//
//	assembly.go   a gateway.Gateway of settings, keys and replay stores
//	acceptor.go   how a route accepts tickets, and what is kept for clients by that
//	http.go       its routes for HTTP Negotiate
//	backends.go   their backends, and the files for TLS to them
//	wsdl.go       what its routes publish of their services
//	shadow.go     its routes on trial
//	identity.go   assertions about clients for them
//	resecure.go   routes whose backends are secured themselves
//	keyring.go    the keys of all services: one file for each path, followed
//	passwords.go  keys that are made of passwords
//	follow.go     certificates and state-keys, followed
//	contexts.go   stores of security contexts and negotiations
//	replay.go     what was accepted, in memory and in the journal
//	stores.go     what routes share with other nodes
//	files.go      certificate, state-dir
//	tickets.go    what tickets were like, in the events of their exchanges
//	warnings.go   what works and should be mended, logged at start
//	memory.go     Go's memory limit follows the settings
//	relay.go      the KDC relay, and a process that has nothing else
//	operator.go   the operator's listener, and what it is told
//	telemetry.go  traces, and how long requests to KDCs take
//	adminclients.go  who may use it
//	serve.go      all of it in its order, for `wssgate serve`
//	rates.go      what clients may do in a time
//	reload.go     what of a changed configuration is applied at SIGHUP
//
// Errors about settings are of type [config.Error], with the setting's place
// and the cure.
package assembly
