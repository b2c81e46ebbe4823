// Package audit writes who asked for what, and what was decided: a line of JSON for
// each exchange, to a file that another program may rotate, or to standard output.
//
// A [Log] loses no line in silence. A line is written at once, before the exchange
// ends; one that cannot be written is counted, said in the log of the program, and
// makes [Log.Failing] return why until a line has been written again.
package audit
