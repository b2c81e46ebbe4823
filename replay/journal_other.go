//go:build !unix

package replay

import (
	"errors"
	"os"
)

func lockFile(*os.File) error { return errors.New("journals are supported on Unix systems only") }

func syncDir(string) error { return nil }

func bootID() uint32 { return 0 }
