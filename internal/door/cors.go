package door

import (
	"net/http"
	"slices"
)

// Origins are those of pages whose scripts may send requests in the name of the
// users that a browser signs on (the CORS protocol of the Fetch standard, 3.3).
// With none, CORS is left to the backend. Its other headers always are.
type Origins []string

// of returns the listed origin that a request is from, "" if there is none.
func (o Origins) of(r *http.Request) string {
	if all := r.Header["Origin"]; len(all) == 1 && slices.Contains(o, all[0]) {
		return all[0]
	}
	return ""
}

// IsPreflight reports whether a request is the question of a browser whether a
// page of a listed origin may send another one. It never has a token or cookie.
func (o Origins) IsPreflight(r *http.Request) bool {
	return r.Method == http.MethodOptions && o.of(r) != "" && len(r.Header["Authorization"]) == 0 &&
		len(r.Header["Access-Control-Request-Method"]) == 1
}

// preflightAge is for how many seconds browsers remember the answer to a
// preflight.
const preflightAge = "600"

// Answer answers a preflight: yes. The backend gets nothing of it, since nobody
// has signed on.
func (o Origins) Answer(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	o.Complete(h, r)
	h["Access-Control-Allow-Methods"] = r.Header["Access-Control-Request-Method"]
	if names := r.Header["Access-Control-Request-Headers"]; len(names) > 0 {
		h["Access-Control-Allow-Headers"] = names
	}
	h.Set("Access-Control-Max-Age", preflightAge)
	w.WriteHeader(http.StatusNoContent)
}

// Complete sets in the header of a response which page's script may read it, in
// place of whatever the backend says: two values would mean none. A script that
// answers challenges itself reads them, and the token that proves who we are.
func (o Origins) Complete(h http.Header, r *http.Request) {
	if len(o) == 0 {
		return
	}
	h.Del("Access-Control-Allow-Origin")
	h.Del("Access-Control-Allow-Credentials")
	if !slices.Contains(h["Vary"], "Origin") {
		h.Add("Vary", "Origin")
	}
	if origin := o.of(r); origin != "" {
		h.Set("Access-Control-Allow-Origin", origin)
		h.Set("Access-Control-Allow-Credentials", "true")
		h.Add("Access-Control-Expose-Headers", "WWW-Authenticate")
	}
}
