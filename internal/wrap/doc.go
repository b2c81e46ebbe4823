// Package wrap breaks text into lines for a terminal.
package wrap
