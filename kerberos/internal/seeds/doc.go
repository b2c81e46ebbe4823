// Package seeds makes messages for the tests and fuzz targets of several
// packages.
package seeds
