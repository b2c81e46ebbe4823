// Package vectors holds recorded conversations against their verdicts, for
// `wssgate verify`. Package testvectors has the conversations; its README.md
// defines the files.
//
// Each message has to have the verdict, and the plaintext, that its case says.
// What a verified signature covers is canonicalized by goxmldsig too, as a
// second opinion on package xmltext.
package vectors
