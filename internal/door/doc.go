// Package door has what lets an exchange into the gateway: a door for each
// standard, in a file of its own.
//
//	security.go  wsse:Security under a policy of package wssec
//	oneof.go     several policies on one route
//	none.go      nothing is asked of a message
//
// Specifications: those of package wssec.
//
//	wsse:Security (WSS 1.1.1 §5)  [Security]
//	verified message              [Admitted]
//
// # Security considerations
//
// Only a door makes an [Admitted], since it has a method that is not exported,
// and an Admitted is all that the gateway forwards: sending anything else does
// not compile. Errors of Admit may tell what a protection hides, in their words
// and in their time; the gateway answers all of them alike, and when the size of
// the message says.
package door
