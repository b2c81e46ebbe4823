package config

import (
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestCheckLetsKeepOldKeysBeNone(t *testing.T) {
	if cfg, err := load(t, oneRoute+"keep-old-keys: 0s\n", Flags{}, nil); err != nil || cfg.KeepOldKeys != 0 {
		t.Errorf("%v", err)
	}
	if _, err := load(t, oneRoute+"keep-old-keys: -1s\n", Flags{}, nil); err == nil {
		t.Error("a negative time was accepted")
	}
}

// Every time and size has a least and a greatest value that make sense.
func TestCheckHoldsTimesAndSizesInRanges(t *testing.T) {
	for _, v := range []any{&Process{}, &Route{}} {
		forEachField(reflect.ValueOf(v).Elem(), func(name string, field reflect.Value, _ reflect.StructTag) {
			texts := []string{"1", "4611686018427387903"}
			switch field.Interface().(type) {
			case time.Duration:
				texts = []string{"1ns", "2000h"}
			case Size:
			default:
				return
			}
			for _, text := range texts {
				_, err := load(t, oneRoute+name+": "+text+"\n", Flags{}, nil)
				if err == nil || !strings.Contains(err.Error(), " "+name+": ") {
					t.Errorf("%s: %s: %v", name, text, err)
				}
			}
		})
	}
	for name, text := range map[string]string{"max-headers": "1", "clock-skew": "24h"} {
		if _, err := load(t, oneRoute+name+": "+text+"\n", Flags{}, nil); err == nil {
			t.Errorf("%s: %s was accepted", name, text)
		}
	}
}
