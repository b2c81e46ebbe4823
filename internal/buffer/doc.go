// Package buffer keeps buffers of octets, so that messages of usual sizes do not
// cost the garbage collector.
//
// A buffer has one owner, who may give it back once nothing can read or write
// it any more: no string, slice or document that views it is left, and nothing
// that it was handed to is still at work. Buffers that are not given back are
// left to the collector, so in doubt it is right not to do it.
package buffer
