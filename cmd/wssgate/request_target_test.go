package main

import (
	"testing"

	"github.com/wssgate/wssgate/internal/config"
)

// Of routes with one path, a request takes that of its host as the gateway does.
func TestRequestFindsTheRouteOfItsHost(t *testing.T) {
	t.Parallel()
	cfg := &config.Config{Routes: []config.Route{
		{Path: "/svc", Service: "any"}, {Path: "/svc", Hosts: []string{"a.example.com"}, Service: "a"},
		{Path: "/svc", Hosts: []string{"B.example.com"}, Service: "b"},
		{Path: "/only-a", Hosts: []string{"a.example.com"}, Service: "only-a"},
	}}
	for _, tt := range [][3]string{
		{"https://a.example.com:8443/svc", "", "a"}, {"https://b.example.com/svc", "", "b"},
		{"https://c.example.com/svc", "", "any"}, {"https://a.example.com/x", "/svc", "a"},
		{"https://c.example.com/svc", "/svc at b.example.com", "b"},
		{"https://a.example.com/only-a", "", "only-a"}, {"https://c.example.com/only-a", "", ""},
		{"https://c.example.com/x", "/only-a", ""},
	} {
		r, err := (&requestCmd{URL: tt[0], Route: tt[1]}).route(cfg, "--route")
		if (err != nil) != (tt[2] == "") || err == nil && r.Service != tt[2] {
			t.Errorf("%s, %q: %v, %v, want %q", tt[0], tt[1], r, err, tt[2])
		}
	}
}
