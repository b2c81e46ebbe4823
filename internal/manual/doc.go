// Package manual writes what users read and type beside the help of the
// command: man pages and completions for shells. It knows no command;
// cmd/wssgate describes its own.
//
//	man(7)             Program.Index, Program.Page, SettingsPage.Roff
//	bash(1)            Program.Bash
//	zshcompsys(1)      Program.Zsh
//	fish-complete(1)   Program.Fish
//
// Output depends on nothing but the arguments, so that a release of the same
// sources has the same octets.
package manual
