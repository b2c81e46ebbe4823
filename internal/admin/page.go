package admin

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/wssgate/wssgate/internal/gateway"
)

//go:embed page.html doctor.html page.css
var files embed.FS

var templates = template.Must(template.New("").Funcs(template.FuncMap{
	"ago": ago, "size": size, "stamp": stamp,
}).ParseFS(files, "page.html", "doctor.html"))

// head is what all pages begin with.
type head struct {
	Title, Version string
	Up             time.Duration
	Unready        []string
	Refresh        bool
	Again          string // the address of the page with the other Refresh
}

func (a *Admin) head(title string) head {
	return head{Title: title, Version: a.cfg.Version, Up: a.cfg.Now().Sub(a.begun), Unready: a.unready()}
}

// pageData is what the status page shows.
type pageData struct {
	Head     head
	Now      time.Time
	Routes   []routeData
	Refusals []refusalData
	Filter   filter
	Codes    []string // of the refusals that are kept
	Use      *gateway.Use
	State    *State
	Settings *Configuration
	Level    string
	Doctor   bool
	Named    bool // clients are shown by name
}

// routeData is a route with what it has done.
type routeData struct {
	Route
	Minute, Hour         counts
	MinutePlot, HourPlot template.HTML
	Keys                 []Key
	File                 *KeyFile
	Out                  []string // backends
}

type refusalData struct {
	refusal
	Cause, Cure string
}

// A filter selects refusals. Empty fields match all.
type filter struct{ Route, Code, Client string }

func filterOf(q url.Values) filter {
	return filter{Route: q.Get("route"), Code: q.Get("code"), Client: strings.TrimSpace(q.Get("client"))}
}

func (f filter) match(x *refusal) bool {
	return (f.Route == "" || f.Route == x.Route) && (f.Code == "" || f.Code == x.Code) &&
		(f.Client == "" || strings.Contains(x.Client, f.Client))
}

// page shows the status page.
func (a *Admin) page(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	now := a.cfg.Now()
	d := pageData{Head: a.head("status"), Now: now, Filter: filterOf(q),
		Level: strings.ToLower(a.cfg.Level.Level().String()), Doctor: a.cfg.Doctor != nil,
		Named: a.cfg.ShowPrincipals, Codes: a.recent.codes()}
	d.Head.Refresh = q.Get("refresh") == "on"
	again := url.Values{"route": {d.Filter.Route}, "code": {d.Filter.Code}, "client": {d.Filter.Client}}
	if !d.Head.Refresh {
		again.Set("refresh", "on")
	}
	d.Head.Again = "/?" + again.Encode()
	if a.cfg.Use != nil {
		use := a.cfg.Use()
		d.Use = &use
	}
	if a.cfg.State != nil {
		state := a.cfg.State()
		d.State = &state
	}
	if a.cfg.Configuration != nil {
		settings := a.cfg.Configuration()
		d.Settings = &settings
	}
	d.Routes = a.routesAt(now)
	for _, x := range a.recent.refusals(d.Filter.match) {
		d.Refusals = append(d.Refusals, a.explain(x))
	}
	a.write(w, "page.html", d)
}

// explain adds cause and cure to a refusal, and removes what is not to be shown.
func (a *Admin) explain(x refusal) refusalData {
	d := refusalData{refusal: x}
	if !a.cfg.ShowPrincipals {
		d.Principal = ""
	}
	if a.cfg.Explain != nil {
		d.Cause, d.Cure = a.cfg.Explain(x.Code)
	}
	return d
}

func (a *Admin) routesAt(now time.Time) (list []routeData) {
	var files []KeyFile
	if a.cfg.Keys != nil {
		files = a.cfg.Keys()
	}
	var backends []Backend
	if a.cfg.Backends != nil {
		backends = a.cfg.Backends()
	}
	for _, rt := range *a.routes.Load() {
		d := routeData{Route: rt}
		for _, b := range backends {
			if b.Out && b.Route == rt.Name {
				d.Out = append(d.Out, b.Name)
			}
		}
		d.Minute, d.Hour = a.recent.of(rt.Name, now)
		d.MinutePlot = plot(&d.Minute, fmt.Sprintf("last minute: %d exchanges, %d refused", d.Minute.Total, d.Minute.Refused))
		d.HourPlot = plot(&d.Hour, fmt.Sprintf("last hour: %d exchanges, %d refused", d.Hour.Total, d.Hour.Refused))
		for i := range files {
			if f := &files[i]; rt.KeyFile != "" && f.Path == rt.KeyFile {
				d.File, d.Keys = f, keysOf(f, rt.Service)
			}
		}
		list = append(list, d)
	}
	return list
}

// keysOf returns the keys of a service, or all if it is none of the file's.
func keysOf(f *KeyFile, service string) (own []Key) {
	for _, k := range f.Keys {
		if k.Principal == service {
			own = append(own, k)
		}
	}
	if own == nil {
		return f.Keys
	}
	return own
}

// write writes a page whole, or an error.
func (a *Admin) write(w http.ResponseWriter, name string, data any) {
	var b bytes.Buffer
	if err := templates.ExecuteTemplate(&b, name, data); err != nil {
		a.cfg.Log.Error("status page", "error", err.Error())
		writeText(w, http.StatusInternalServerError, "the page cannot be made: see the log\n")
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = w.Write(b.Bytes())
}

func serveStyle(w http.ResponseWriter, r *http.Request) {
	http.ServeFileFS(w, r, files, "page.css")
}

// codes returns the codes of the refusals that are kept, each once.
func (r *recent) codes() (list []string) {
	seen := map[string]bool{}
	for _, x := range r.refusals(func(*refusal) bool { return true }) {
		if !seen[x.Code] {
			seen[x.Code] = true
			list = append(list, x.Code)
		}
	}
	return list
}

// ago returns a duration in words, in its largest unit.
func ago(d time.Duration) string {
	switch {
	case d >= 48*time.Hour:
		return fmt.Sprintf("%d days", d/(24*time.Hour))
	case d >= 2*time.Hour:
		return fmt.Sprintf("%d hours", d/time.Hour)
	case d >= 2*time.Minute:
		return fmt.Sprintf("%d minutes", d/time.Minute)
	}
	return fmt.Sprintf("%d s", d/time.Second)
}

// size returns octets in a unit that is easy to read.
func size(n int64) string {
	switch {
	case n >= 10<<20:
		return fmt.Sprintf("%d MiB", n>>20)
	case n >= 10<<10:
		return fmt.Sprintf("%d KiB", n>>10)
	}
	return fmt.Sprintf("%d octets", n)
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05") }
