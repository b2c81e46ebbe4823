package main

import (
	"context"
	"debug/buildinfo"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"
)

const command = "./cmd/wssgate"

func allPlatforms() []string {
	return []string{"linux/amd64", "linux/arm64", "windows/amd64", "darwin/amd64", "darwin/arm64"}
}

// binaryName is the file of a platform, as wssgate-linux-amd64.
func binaryName(platform string) string {
	name := "wssgate-" + strings.ReplaceAll(platform, "/", "-")
	if strings.HasPrefix(platform, "windows/") {
		name += ".exe"
	}
	return name
}

// build builds the command for a platform. The environment's own settings of Go
// that change code do not count.
func (r *release) build(ctx context.Context, platform, out string) error {
	system, machine, found := strings.Cut(platform, "/")
	if !found {
		return fmt.Errorf("%q is no platform: write it as linux/amd64", platform)
	}
	cmd := r.goCommand(ctx, "build", "-trimpath", "-buildvcs=true", "-ldflags=-s -w", "-o", out, command)
	cmd.Env = append(cmd.Env, "GOOS="+system, "GOARCH="+machine)
	return run(cmd)
}

// goCommand is a call of go in the repository.
func (r *release) goCommand(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = r.source
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=", "GOWORK=off", "GOEXPERIMENT=", "GOFIPS140=off",
		"GOAMD64=v1", "GOARM64=v8.0")
	return cmd
}

// run runs a command, and returns what it has said if it fails.
func run(cmd *exec.Cmd) error {
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", strings.Join(cmd.Args, " "), err, out)
	}
	return nil
}

// check refuses a binary that is not of a commit, and remembers which commit it
// is of.
func (r *release) check(info *buildinfo.BuildInfo) error {
	at, err := time.Parse(time.RFC3339, setting(info, "vcs.time"))
	switch {
	case err != nil:
		return fmt.Errorf("go has recorded no commit: run it in a clone of the repository, with git installed")
	case setting(info, "vcs.modified") == "true" && !r.modified:
		return fmt.Errorf("the work tree differs from its commit: commit it, or say -modified for a trial")
	case r.version != "" && r.version != info.Main.Version:
		return fmt.Errorf("the commit has the version %s, not %s: tag it", info.Main.Version, r.version)
	}
	r.built, r.commit = info.Main.Version, at.UTC()
	return nil
}

// setting returns what Go has recorded under a key, "" if nothing.
func setting(info *buildinfo.BuildInfo, key string) string {
	for _, s := range info.Settings {
		if s.Key == key {
			return s.Value
		}
	}
	return ""
}
