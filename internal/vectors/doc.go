// Package vectors holds test vectors against their verdicts, and verifies
// messages of others, for `wssgate verify`. Package testvectors has the vectors;
// its README.md defines the files.
//
// Each message has to have the verdict, and the plaintext, that its vector says.
// What a verified signature covers is canonicalized by goxmldsig too, as a
// second opinion on package xmltext.
//
//	vector, text archive            Run, archive
//	request by HTTP (RFC 9110)      archive.http, through a gateway; archive.relay
//	attacks on a message            archive.attacked
//	conversation                    Verify
//	flags of a vector               Class, Classes
//	verdict                         Outcome.Got, Report.Got
//	receiver of a message           Receiver, Report, Step
//	ds:Reference (XMLDSig §4.4.3)   Part
//	JUnit XML                       WriteJUnit, WriteReports
//
// # Security considerations
//
// Messages of others are hostile: they are read within the limits of a service,
// and nothing that they hold is acted on. A Report has what a message says in its
// canonical forms, and is for whoever has its key; it has no key.
package vectors
