// Package pac reads privilege attribute certificates: what a domain controller
// says of a client, signed with the service's key.
//
//	specification                    Go
//	PACTYPE (MS-PAC 2.3)             ParseBuffers, Buffers
//	KERB_VALIDATION_INFO (2.5)       LogonInfo
//	UPN_DNS_INFO (2.10)              UPNInfo
//	PAC_SIGNATURE_DATA (2.8)         Buffers.Verify
//	SID (MS-DTYP 2.4.2)              SID
//
// # Security considerations
//
// A PAC is to be taken from the ticket only, never from the authenticator,
// which the client writes. Verify checks the signature of the service's KDC,
// of the type that is the service's key's. The KDC's own signatures cannot be
// checked by a service, so whoever has the service's key can make any PAC for
// it. The KDC signs what another realm's KDC has written of its clients, so
// the groups of another realm's clients are that realm's word.
package pac
