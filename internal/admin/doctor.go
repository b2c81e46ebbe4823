package admin

import (
	"context"
	"net/http"
	"time"

	"github.com/wssgate/wssgate/internal/doctor"
)

// checkTimeout bounds all checks together.
const checkTimeout = 2 * time.Minute

// doctor runs the checks, one at a time, and shows the report.
func (a *Admin) doctor(w http.ResponseWriter, r *http.Request) {
	if a.cfg.Doctor == nil {
		http.NotFound(w, r)
		return
	}
	select {
	case a.checking <- struct{}{}:
		defer func() { <-a.checking }()
	default:
		w.Header().Set("Retry-After", "30")
		writeText(w, http.StatusServiceUnavailable, "the checks are running already\n")
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), checkTimeout)
	defer cancel()
	report := a.cfg.Doctor(ctx)
	a.write(w, "doctor.html", struct {
		Head                 head
		Report               doctor.Report
		OK, Warn, Fail, Skip int
	}{a.head("doctor"), report, report.Count(doctor.OK), report.Count(doctor.Warn), report.Count(doctor.Fail),
		report.Count(doctor.Skip)})
}
