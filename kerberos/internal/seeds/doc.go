// Package seeds makes messages that tests and fuzz targets of several rooms start from.
package seeds
