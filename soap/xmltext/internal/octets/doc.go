// Package octets looks at 64 octets of XML at a time, with AVX2. [Masks.Fill]
// says which of them end names, values and text, as a bit for each;
// [Survey.Add] counts and checks them; [Plain] finds the end of text that stands
// for itself.
//
// Where there is no AVX2, and with the build tag purego, they do nothing and say
// so: xmltext then goes through the octets one by one, or in words.
package octets
