package kerberos

// Ticket flags (RFC 4120 5.3), as gss.Facts.TicketFlags has them: bit 0 is the
// highest.
const (
	FlagForwardable            uint32 = 1 << 30
	FlagForwarded              uint32 = 1 << 29
	FlagProxiable              uint32 = 1 << 28
	FlagProxy                  uint32 = 1 << 27
	FlagInvalid                uint32 = 1 << 24
	FlagRenewable              uint32 = 1 << 23
	FlagInitial                uint32 = 1 << 22
	FlagPreAuthent             uint32 = 1 << 21
	FlagHWAuthent              uint32 = 1 << 20
	FlagTransitedPolicyChecked uint32 = 1 << 19
	FlagOKAsDelegate           uint32 = 1 << 18
	FlagAnonymous              uint32 = 1 << 15 // RFC 8062 3
)

// Flags of the GSS-API checksum (RFC 4121 4.1.1.1), as gss.Facts.GSSFlags and
// gss.Context.Flags have them.
const (
	GSSDeleg    uint32 = 0x01   // a forwarded credential is in the checksum
	GSSMutual   uint32 = 0x02   // the acceptor proves who it is by an AP-REP
	GSSReplay   uint32 = 0x04   // per-message tokens: no token is accepted twice
	GSSSequence uint32 = 0x08   // per-message tokens: accepted in sequence only
	GSSConf     uint32 = 0x10   // per-message tokens may be encrypted
	GSSInteg    uint32 = 0x20   // per-message tokens can be made
	GSSAnon     uint32 = 0x40   // the initiator stays anonymous
	GSSDCEStyle uint32 = 0x1000 // a third leg; not supported
	GSSIdentify uint32 = 0x2000 // the acceptor may only identify the client (MS-KILE 3.2.1)
)
