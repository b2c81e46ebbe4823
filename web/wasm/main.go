//go:build js

// Command wasm is package web for a page: wssgate.js loads it and calls what it
// hands over. Everything but the passing of values between the two is in package
// web.
package main

import (
	"context"
	"encoding/json"
	"os"
	"syscall/js"
	"time"

	"github.com/wssgate/wssgate/web"
)

// main hands the module's functions over, by a global function whose name is the
// argument, and lives as long as the page.
func main() {
	js.Global().Call(os.Args[1], js.ValueOf(map[string]any{"login": promising(login)}))
	select {}
}

// login logs a user in, and returns the functions of the session.
func login(ctx context.Context, args []js.Value) (any, error) {
	o := options{args[0]}
	s, err := web.Login(ctx, web.Config{
		Relay: o.text("relay"), Realm: o.text("realm"), User: o.text("user"), Password: o.text("password"),
		AllowHTTP: o.truth("allowHTTP"), Transport: fetcher{},
	})
	if err != nil {
		return nil, err
	}
	return functionsOf(s), nil
}

// functionsOf returns what a page may do with a session.
func functionsOf(s *web.Session) js.Value {
	expires := func(js.Value, []js.Value) any { return milliseconds(s.Expires()) }
	offset := func(js.Value, []js.Value) any { return float64(s.ClockOffset().Milliseconds()) }
	return js.ValueOf(map[string]any{
		"user":        s.User(),
		"expires":     js.FuncOf(expires),
		"clockOffset": js.FuncOf(offset),
		"tickets":     promising(func(context.Context, []js.Value) (any, error) { return tickets(s) }),
		"fetch": promising(func(ctx context.Context, args []js.Value) (any, error) {
			return fetch(ctx, s, args[0])
		}),
		"soap": promising(func(ctx context.Context, args []js.Value) (any, error) { return soap(ctx, s, args) }),
		"logout": promising(func(ctx context.Context, _ []js.Value) (any, error) {
			s.Logout(ctx)
			return nil, nil
		}),
	})
}

// milliseconds returns a time as JavaScript has it, 0 for none.
func milliseconds(t time.Time) any {
	if t.IsZero() {
		return 0
	}
	return float64(t.UnixMilli())
}

// tickets returns the tree in JSON.
func tickets(s *web.Session) (any, error) {
	tree, err := s.Tickets()
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(tree)
	return string(text), err
}

// soap calls a SOAP service.
func soap(ctx context.Context, s *web.Session, args []js.Value) (any, error) {
	o := options{args[2]}
	timeout := time.Duration(o.number("timeout")) * time.Millisecond
	reply, err := s.Call(ctx, web.Call{
		URL: args[0].String(), Message: args[1].String(), Policy: o.text("policy"), Service: o.text("service"),
		Action: o.text("action"), Version: o.text("version"), Addressing: o.text("addressing"), Trust: o.text("trust"),
		NoAuthenticator: o.truth("noAuthenticator"), Timeout: timeout,
	})
	if err != nil {
		return nil, err
	}
	message := js.Null()
	if reply.Message != nil {
		message = js.ValueOf(string(reply.Message))
	}
	return map[string]any{"message": message, "status": reply.Status}, nil
}
