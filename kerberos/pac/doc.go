// Package pac reads privilege attribute certificates: a domain controller's
// statements about a client, signed with the service's key.
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
// Take a PAC from the ticket only, never from the authenticator, which the
// client writes. [Buffers.Verify] checks the signature that the KDC made with
// the service's key, and accepts that key's checksum type only. A service
// cannot check the KDC's other signatures, so whoever has the service's key can
// forge any PAC for it. For a client of another realm the KDC signs what that
// realm's KDC wrote, so such a client's groups are that realm's claim.
package pac
