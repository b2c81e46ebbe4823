//go:build race

package gss

const skippedCounts = 30
