// Package seeds makes messages that tests and fuzz targets of several packages start from.
package seeds
