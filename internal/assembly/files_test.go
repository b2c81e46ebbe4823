package assembly

import (
	"bytes"
	"encoding/base64"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wssgate/wssgate/internal/config"
)

// systemd joins the directories of a unit that has several.
func TestStatePathIsTheDirectoryOfSystemd(t *testing.T) {
	dir := t.TempDir()
	first := filepath.Join(dir, "wssgate")
	t.Setenv("STATE_DIRECTORY", first+":"+filepath.Join(dir, "other"))
	if got, err := stateDir(&config.Config{}); err != nil || got != first {
		t.Errorf("got %s, %v", got, err)
	}
}

// The cure of a key file is that of its fault: one that cannot be read, and one
// that holds no keys. Others who can read it are warned of.
func TestMemoryContextsRefusesAndWarnsOfAKeyFile(t *testing.T) {
	t.Parallel()
	good := base64.StdEncoding.EncodeToString(make([]byte, 32)) + "\n"
	for name, tt := range map[string]struct {
		text, refusal, warning string
		mode                   os.FileMode
	}{
		"none":     {refusal: "no such file or directory; name a key file that this process can read"},
		"garbage":  {text: "x\n", mode: 0o600, refusal: "line 1 is not 32 octets in base64; write one key a line"},
		"good":     {text: good, mode: 0o600},
		"readable": {text: good, mode: 0o644, warning: `"secret file can be read by others","setting":"state-keys"`},
	} {
		file := filepath.Join(t.TempDir(), "state.keys")
		if tt.mode != 0 {
			if err := os.WriteFile(file, []byte(tt.text), tt.mode); err != nil {
				t.Fatal(err)
			}
		}
		var out bytes.Buffer
		cfg := &config.Config{Process: config.Process{StateKeys: file, MaxContexts: 1, MaxNegotiations: 1}}
		_, err := memoryContexts(cfg, NewKeyring(cfg, slog.New(slog.NewJSONHandler(&out, nil))), nil)
		if (err == nil) != (tt.refusal == "") || err != nil && !strings.Contains(err.Error(), tt.refusal) {
			t.Errorf("%s: got %v, want %q", name, err, tt.refusal)
		}
		if (out.Len() == 0) != (tt.warning == "") || !strings.Contains(out.String(), tt.warning) {
			t.Errorf("%s: logged %s", name, out.String())
		}
	}
}
