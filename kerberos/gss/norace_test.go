//go:build !race

package gss_test

// maxAcceptAllocations bounds what one AP-REQ allocates.
const maxAcceptAllocations = 20
