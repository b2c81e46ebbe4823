package assembly

import (
	"path/filepath"
	"slices"
	"testing"

	"github.com/wssgate/wssgate/internal/config"
)

// systemd joins the directories of a unit that has several.
func TestStateDirOfSystemd(t *testing.T) {
	dir := t.TempDir()
	first := filepath.Join(dir, "wssgate")
	t.Setenv("STATE_DIRECTORY", first+":"+filepath.Join(dir, "other"))
	if got, err := stateDir(&config.Config{}); err != nil || got != first {
		t.Errorf("got %s, %v", got, err)
	}
}

func TestCanonicalNames(t *testing.T) {
	got := canonicalNames([]string{`al\ice@A`, `a\@b/c@A`, "not a\\"})
	if !slices.Equal(got, []string{"alice@A", `a\@b/c@A`, "not a\\"}) {
		t.Errorf("got %q", got)
	}
}
