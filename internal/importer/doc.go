// Package importer makes the configuration of a gateway from the WSDL of a
// service: `wssgate import`.
//
// [Import] reads the WSDL and what it imports, takes the policies of each port
// from package wsdl, and writes a file of settings for package config, which has
// to accept it. A comment says of each value where the WSDL has it.
//
// # Terms
//
//	Specification                                  Go
//	---------------------------------------------  ---------------------
//	WSDL 1.1 2.1: import                           fetcher
//	WSDL 1.1 2.6: port                             route
//	WS-Addressing Metadata 1.0 4.4: action         inputAction, outputAction
//	WS-Addressing 1.0 2: EndpointReference;        identity
//	Identity of [MS-WSPOL], as WCF and CXF have it
//
// # Files
//
//	importer.go   Import, and what it takes and returns
//	fetch.go      the documents, within bounds
//	routes.go     a route for each port
//	actions.go    WS-Addressing: which action a reply has
//	identity.go   the principal of the service
//	write.go      the file
//
// # Security considerations
//
// A WSDL is hostile: it decides neither what is read nor what stands in the
// configuration beside its own values. Imports are followed within the folder of
// the WSDL, or its origin, and elsewhere only where the operator says so. Values are
// quoted, and comments have no line breaks. What is not understood is an error.
package importer
