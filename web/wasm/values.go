//go:build js

package main

import (
	"context"
	"errors"
	"fmt"
	"syscall/js"

	"github.com/wssgate/wssgate/web"
)

// options are those of a call, an object. wssgate.js has checked their types.
type options struct{ js.Value }

func (o options) text(name string) string {
	if v := o.Get(name); v.Type() == js.TypeString {
		return v.String()
	}
	return ""
}

func (o options) truth(name string) bool { return o.Get(name).Truthy() }

func (o options) number(name string) float64 {
	if v := o.Get(name); v.Type() == js.TypeNumber {
		return v.Float()
	}
	return 0
}

// promising returns a function of JavaScript whose first argument is an
// AbortSignal, or undefined, and which returns a promise of what f returns. An
// error is an object with what web.Explain has of it.
func promising(f func(ctx context.Context, args []js.Value) (any, error)) js.Func {
	return js.FuncOf(func(_ js.Value, args []js.Value) any {
		var executor js.Func
		executor = js.FuncOf(func(_ js.Value, settle []js.Value) any {
			executor.Release() // it is called once, at once
			go func() {
				value, err := run(f, args)
				if err != nil {
					settle[1].Invoke(explained(err))
				} else {
					settle[0].Invoke(value)
				}
			}()
			return nil
		})
		return js.Global().Get("Promise").New(executor)
	})
}

// run calls f under the signal. A panic, of a value of JavaScript that is not what
// it should be, must not end the program, which other sessions use.
func run(f func(context.Context, []js.Value) (any, error), args []js.Value) (value any, err error) {
	defer func() {
		if e := recover(); e != nil {
			err = &web.Error{Code: web.CodeInternal, Err: fmt.Errorf("%v", e)}
		}
	}()
	ctx, done := underSignal(args[0])
	defer done()
	return f(ctx, args[1:])
}

// underSignal returns a context that ends when an AbortSignal does.
func underSignal(signal js.Value) (context.Context, func()) {
	ctx, cancel := context.WithCancel(context.Background())
	if !signal.Truthy() {
		return ctx, cancel
	}
	if signal.Get("aborted").Bool() {
		cancel()
		return ctx, cancel
	}
	aborted := js.FuncOf(func(js.Value, []js.Value) any { cancel(); return nil })
	signal.Call("addEventListener", "abort", aborted)
	return ctx, func() {
		signal.Call("removeEventListener", "abort", aborted)
		aborted.Release()
		cancel()
	}
}

// explained returns an error for wssgate.js, which makes an Error of it.
func explained(err error) js.Value {
	x := web.Explain(err)
	o := map[string]any{"code": x.Code, "kind": x.Kind, "cause": x.Cause, "cure": x.Cure, "text": x.Text,
		"status": x.Status, "timeout": errors.Is(err, context.DeadlineExceeded)}
	if x.Fault != nil {
		o["fault"] = map[string]any{"code": x.FaultCode(), "reason": x.Fault.Reason}
	}
	return js.ValueOf(o)
}
