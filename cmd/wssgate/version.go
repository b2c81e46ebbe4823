package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"
)

type versionCmd struct{}

// Run prints the module version, the commit and the compiler, one line.
func (versionCmd) Run(s *streams) error {
	_, err := fmt.Fprintln(s.out, versionLine())
	return err
}

// versionLine takes everything from the build information, so that there is no
// number to forget.
func versionLine() string {
	commit := buildSetting("vcs.revision")
	if commit = commit[:min(len(commit), 12)]; commit != "" {
		commit = " " + commit
	}
	if buildSetting("vcs.modified") == "true" {
		commit += " (modified)"
	}
	return fmt.Sprintf("wssgate %s%s %s %s/%s", buildVersion(), commit, runtime.Version(), runtime.GOOS, runtime.GOARCH)
}

// buildVersion returns the version of the module: its tag, or what Go makes of the
// commit.
func buildVersion() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(devel)"
}

// buildDate returns the day of the commit, "" if it is not known.
func buildDate() string {
	day, _, _ := strings.Cut(buildSetting("vcs.time"), "T")
	return day
}

// buildSetting returns what Go has recorded under a key, "" if nothing.
func buildSetting(key string) string {
	info, _ := debug.ReadBuildInfo()
	if info == nil {
		return ""
	}
	for _, s := range info.Settings {
		if s.Key == key {
			return s.Value
		}
	}
	return ""
}
