package doctor

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// checkState looks at the directory of the replay journal and the file of
// state-keys.
func (d *doctor) checkState(context.Context) []Result {
	list := d.checkStateDir()
	if r, bad := checkSecretFile(d.Settings.StateKeys, "whoever reads it can open what is sealed with it"); bad {
		list = append(list, r)
	}
	return list
}

// checkStateDir looks at the directory without opening the journal: one process
// can do that at a time.
func (d *doctor) checkStateDir() []Result {
	switch {
	case !d.Settings.ReplayJournal:
		return []Result{warn("replay journal",
			"is off: after a restart serve refuses tokens that were made before it, and may take some twice",
			"set replay-journal: true (remove --no-replay-journal), and give state-dir")}
	case d.StateDir == "":
		return []Result{fail("state-dir", "is not given, and there is neither STATE_DIRECTORY, XDG_STATE_HOME nor HOME",
			"give --state-dir")}
	}
	info, err := os.Stat(d.StateDir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return []Result{d.stateToBe()}
	case err != nil:
		return []Result{fail(d.StateDir, err.Error(), "give another --state-dir, or let the user that runs wssgate use it")}
	case !info.IsDir():
		return []Result{fail(d.StateDir, "is no directory", "give another --state-dir")}
	case !writable(d.StateDir):
		return []Result{fail(d.StateDir, "cannot be written by this user",
			"chown it to the user that runs wssgate; run doctor as that user")}
	case info.Mode().Perm()&0o022 != 0:
		return []Result{fail(d.StateDir,
			"can be written by others ("+info.Mode().Perm().String()+"), who can make tokens count as new",
			"chmod 700 "+d.StateDir)}
	}
	return []Result{d.journal()}
}

// stateToBe looks at where a directory would be made.
func (d *doctor) stateToBe() Result {
	parent := filepath.Dir(d.StateDir)
	for parent != filepath.Dir(parent) {
		if _, err := os.Stat(parent); !errors.Is(err, fs.ErrNotExist) {
			break
		}
		parent = filepath.Dir(parent)
	}
	if !writable(parent) {
		return fail(d.StateDir, "is not there, and cannot be made in "+parent,
			"make it, for the user that runs wssgate, or give another --state-dir")
	}
	return ok(d.StateDir, "is not there yet; serve makes it")
}

// journal reports whether there is one, and whether a process has it.
func (d *doctor) journal() Result {
	if _, err := os.Stat(filepath.Join(d.StateDir, "replay", "replay.lock")); err != nil {
		return ok(d.StateDir, "can be written; no replay journal yet")
	}
	if pid, running := d.gateway(); running {
		return ok(d.StateDir, "can be written; %s has the replay journal, so a gateway is running", process(pid))
	}
	return ok(d.StateDir, "can be written, and has a replay journal")
}
