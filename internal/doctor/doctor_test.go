package doctor_test

import (
	"errors"
	"testing"

	"github.com/wssgate/wssgate/internal/config"
	"github.com/wssgate/wssgate/internal/doctor"
)

func TestRefusedReportsEveryFinding(t *testing.T) {
	t.Parallel()
	r := doctor.Refused(&config.Error{Findings: []config.Finding{{Origin: "--polcy", Problem: "unknown setting",
		Cure: "did you mean"}, {Setting: "backend", Problem: "is required"}}})
	if len(r) != 2 || !r.Failed() || r[0].Subject != "--polcy" || r[1].Subject != "backend" || r[1].Cure == "" {
		t.Errorf("%+v", r)
	}
	if r := doctor.Refused(errors.New("no file")); len(r) != 1 || r[0].Found != "no file" {
		t.Errorf("%+v", r)
	}
}
