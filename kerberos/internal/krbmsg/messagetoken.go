package krbmsg

// Flags of per-message tokens (RFC 4121 4.2.2). Others are ignored, as the RFC has it, and under the checksum.
const (
	FlagSentByAcceptor = 0x01
	FlagSealed         = 0x02
	FlagAcceptorSubkey = 0x04
)

// Token identifiers with what is constant behind them (RFC 4121 4.2.6).
const (
	TokWrap = "\x05\x04"
	TokMIC  = "\x04\x04"
)

// CFXHeader is the length of a token's header in octets: identifier, flags, filler, EC and RRC of Wrap tokens, SND_SEQ.
const CFXHeader = 16

const (
	RC4MICLen     = 24 // header, SND_SEQ, SGN_CKSUM
	RC4Confounder = 8
	RC4Pad        = 1           // RFC 4757 7.3: one octet, always
	RC4MaxMessage = 16<<20 - 64 // the frame's length has three octets
)
