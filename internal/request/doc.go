// Package request is what `wssgate request` does around a [client.Client]: it
// makes a message of what the user writes, shows messages on their way, and
// repeats a call as a load generator.
//
//	message.go  an envelope, or the content of a Body
//	trace.go    messages in clear and on the wire
//	load.go     many calls, and what became of them
//	progress.go how they go
//	http.go     requests of any kind with HTTP Negotiate
package request
