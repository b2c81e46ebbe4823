// Package assembly makes a running gateway of its configuration. It is the only
// place where a gss.Acceptor meets a wssec.Processor to serve; explain and
// vectors join the two for one message.
//
//	assembly.go   a gateway.Gateway of settings, keys and replay stores
//	keyring.go    the keys of all services: one file for each path, followed
//	passwords.go  keys that are made of passwords
//	replay.go     what was accepted, in memory and in the journal
//	files.go      certificate, state-dir
//	tickets.go    what tickets were like, in the events of their exchanges
//	warnings.go   what works and should be mended, logged at start
//	memory.go     Go's memory limit follows the settings
//	serve.go      all of it in its order, for `wssgate serve`
//
// What is wrong with a setting is a *config.Error, with the setting's place and
// the cure.
package assembly
