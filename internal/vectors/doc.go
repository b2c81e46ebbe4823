// Package vectors holds test vectors against their verdicts, for `wssgate
// verify`. Package testvectors has them; its README.md defines the files.
//
// Each message has to have the verdict, and the plaintext, that its vector says.
// What a verified signature covers is canonicalized by goxmldsig too, as a
// second opinion on package xmltext.
package vectors
