// Package wsdl reads and writes descriptions of services: WSDL 1.1, the schemas
// that it imports, and WS-SecurityPolicy in it.
//
// # Terms
//
//	Specification                               Go
//	------------------------------------------  ----------------------------
//	WSDL 1.1 2.1: definitions, import           Document, Link
//	WSDL 1.1 2.4, 2.5: portType, binding        PortType, Binding, Operation
//	WSDL 1.1 2.6, 2.7: port, service            Port, Service
//	WS-Policy 1.5, 1.2: Policy                  Document.Policies
//	WS-PolicyAttachment 1.5 4: attached policy  Attachment
//	WS-PolicyAttachment 1.5 4.1: effective one  PolicyReader
//	WS-Policy 1.5 4.1: normal form              normalizer, alternative
//	WS-SecurityPolicy 1.2: assertions           translation, WritePolicies
//	wsid:Identity (WCF)                         Identity
//	WS-MetadataExchange 4, WS-Transfer Get      Publisher.Metadata
//
// # Files
//
//	document.go   what a document has: links, services, bindings, port types
//	policies.go   its policies, and where they are attached
//	place.go      lines and columns, for errors
//
//	policy_read.go       the policies of a port, as those of a route
//	policy_normal.go     their normal form, within bounds
//	policy_translate.go  an alternative as a wssec.Policy
//	policy_binding.go    its bindings and supporting tokens
//	policy_tokens.go     its tokens, and what wssgate does not have
//	policy_parts.go      what is signed and encrypted
//	policy_merge.go      alternatives that are one policy; which preset a policy is
//
//	policy_write.go  the policies of a route as assertions
//	set.go           a WSDL with all that it links to
//	source.go        where documents come from: files of a directory, HTTP
//	address.go       documents with the addresses and policies of a route
//	edit.go          changes of a document that leave the rest octet by octet
//	publisher.go     what clients get, loaded when they ask
//	single.go        the WSDL in one document
//	mex.go           WS-MetadataExchange
//
// # Security considerations
//
// Documents are hostile: anybody who can write to a backend can write them. A
// document is scanned by soap/xmltext, which refuses document types and with them
// entities, and is bounded in octets, elements, links and policies. Parse fetches
// nothing. Load fetches what documents link to from their own origin and from
// listed hosts alone, each once, without following redirects, within bounds of
// their number and size together. What clients ask for is looked up among what was
// loaded, so no query leads anywhere else, and however many ask, documents are
// loaded once in a while. The address that a client has named as its host is told
// that client alone.
package wsdl
