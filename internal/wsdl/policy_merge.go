package wsdl

import (
	"fmt"
	"slices"
	"strings"

	"github.com/wssgate/wssgate/wssec"
)

// keyOf returns a text that two policies have in common if they are the same.
func keyOf(p wssec.Policy) string {
	bootstrap := ""
	if p.Bootstrap != nil {
		bootstrap = keyOf(*p.Bootstrap)
	}
	p.Bootstrap, p.Name = nil, ""
	return fmt.Sprintf("%+v %s", p, bootstrap)
}

// keysOf does so for sets of policies.
func keysOf(policies []wssec.Policy) string {
	var keys []string
	for _, p := range policies {
		keys = append(keys, keyOf(p))
	}
	slices.Sort(keys)
	return strings.Join(keys, "\n")
}

// merged returns the policies, those that differ in one property as one where
// wssec.Policy has a word for either value. The messages that meet one of the
// result are those that meet one of the policies.
func merged(policies []wssec.Policy) []wssec.Policy {
	for _, m := range mergers() {
		policies = mergedBy(policies, m)
	}
	return policies
}

// A merger is a property of which a policy can have either value. without returns
// the policy without it, and both the one with either, of two that differ in it.
type merger struct {
	without func(p wssec.Policy) wssec.Policy
	both    func(a, b wssec.Policy) (p wssec.Policy, ok bool)
}

// mergers are in an order in which each may rely on those before it.
func mergers() []merger {
	return []merger{
		{
			func(p wssec.Policy) wssec.Policy { return p }, // the same policy twice
			func(a, _ wssec.Policy) (wssec.Policy, bool) { return a, true },
		}, {
			func(p wssec.Policy) wssec.Policy { p.Timestamp, p.TokenOnce = "", false; return p },
			func(a, b wssec.Policy) (wssec.Policy, bool) {
				a.Timestamp, a.TokenOnce = wssec.TimestampOptional, false // which needs one
				return a, true
			},
		}, {
			func(p wssec.Policy) wssec.Policy { p.DerivedKeys = ""; return p },
			func(a, b wssec.Policy) (wssec.Policy, bool) {
				a.DerivedKeys = wssec.DerivedKeysAllowed
				return a, true
			},
		}, {
			func(p wssec.Policy) wssec.Policy { p.Layout = ""; return p },
			func(a, b wssec.Policy) (wssec.Policy, bool) { // the others are kinds of Lax
				ok := a.Layout == wssec.LayoutLax || b.Layout == wssec.LayoutLax
				a.Layout = wssec.LayoutLax
				return a, ok
			},
		}, {
			func(p wssec.Policy) wssec.Policy {
				p.EncryptedParts, p.OptionalEncryptedParts = wssec.Parts{}, wssec.Parts{}
				return p
			},
			bothEncrypted,
		}, {
			func(p wssec.Policy) wssec.Policy { p.Bootstrap = nil; return p },
			func(a, b wssec.Policy) (wssec.Policy, bool) {
				if a.Bootstrap == nil || b.Bootstrap == nil {
					return a, false
				}
				both := merged([]wssec.Policy{*a.Bootstrap, *b.Bootstrap})
				a.Bootstrap = &both[0]
				return a, len(both) == 1
			},
		},
	}
}

// bothEncrypted merges two policies of which one encrypts nothing.
func bothEncrypted(a, b wssec.Policy) (wssec.Policy, bool) {
	if !a.EncryptedParts.IsZero() {
		a, b = b, a
	}
	if !a.EncryptedParts.IsZero() || !a.OptionalEncryptedParts.IsZero() || !b.OptionalEncryptedParts.IsZero() {
		return a, false
	}
	a.OptionalEncryptedParts = b.EncryptedParts
	return a, true
}

// mergedBy merges those that differ in one property alone, in the order in which
// they stand.
func mergedBy(policies []wssec.Policy, m merger) []wssec.Policy {
	var result []wssec.Policy
	at := map[string]int{}
	for _, p := range policies {
		key := keyOf(m.without(p))
		i, seen := at[key]
		if seen && keyOf(result[i]) != keyOf(p) {
			both, ok := m.both(result[i], p)
			if ok && keyOf(both) != keyOf(result[i]) && validate(both) != nil {
				ok = false
			}
			if ok {
				result[i] = both
				continue
			}
		} else if seen {
			continue
		}
		at[key] = len(result)
		result = append(result, p)
	}
	return result
}

// PresetOf returns the name of the preset that is as p, "" if none is. Where p has
// the header blocks of WS-Addressing 1.0 signed, a preset may ask for those of
// August 2004 to be signed too, which a client of that policy does not write; it
// may take any layout; and a key's fit does not count where all keys are derived.
func PresetOf(p wssec.Policy) string {
	for _, name := range wssec.PresetNames() {
		preset, _ := wssec.Preset(name)
		if isPreset(p, preset) {
			return name
		}
	}
	return ""
}

func isPreset(p, preset wssec.Policy) bool {
	p, preset = plain(p), plain(preset)
	if p.Binding == wssec.TransportBinding && preset.DerivedKeys == wssec.DerivedKeysAllowed {
		p.DerivedKeys = wssec.DerivedKeysAllowed // TLS protects the message anyway
	}
	if (p.Bootstrap == nil) != (preset.Bootstrap == nil) || p.Bootstrap != nil && !isPreset(*p.Bootstrap,
		*preset.Bootstrap) {
		return false
	}
	p.Bootstrap, preset.Bootstrap = nil, nil
	return keyOf(p) == keyOf(preset)
}

// plain returns a policy with the values that [PresetOf] compares.
func plain(p wssec.Policy) wssec.Policy {
	p.Layout = ""
	encrypts := !p.EncryptedParts.IsZero() || p.EncryptSignature
	if p.DerivedKeys == wssec.DerivedKeysRequired || !encrypts || p.KeyFit == wssec.FitWSS4J {
		p.KeyFit = ""
	}
	if p.ProtectionOrder == "" {
		p.ProtectionOrder = wssec.SignBeforeEncrypt
	}
	if p.DerivedKeys == "" {
		p.DerivedKeys = wssec.DerivedKeysForbidden
	}
	if p.Timestamp == "" {
		p.Timestamp = wssec.TimestampRequired
	}
	if p.SignatureMethod == "" {
		p.SignatureMethod = wssec.HMACSHA1
	}
	p.SignedParts.Headers = plainHeaders(p.SignedParts.Headers)
	return p
}

// plainHeaders returns the names of header blocks, those of WS-Addressing 1.0 as
// one, without those of August 2004 beside them.
func plainHeaders(headers []string) []string {
	all, older := "{"+namespaceWSA+"}*", "{"+namespaceWSA04+"}*"
	blocks := []string{"To", "From", "ReplyTo", "FaultTo", "MessageID", "RelatesTo", "Action"}
	missing := slices.ContainsFunc(blocks, func(local string) bool {
		return !slices.Contains(headers, "{"+namespaceWSA+"}"+local)
	})
	var list []string
	for _, h := range headers {
		if missing || !strings.HasPrefix(h, "{"+namespaceWSA+"}") {
			list = append(list, h)
		}
	}
	if !missing {
		list = append(list, all)
	}
	if slices.Contains(list, all) {
		list = slices.DeleteFunc(list, func(h string) bool {
			return h == older || h != all && strings.HasPrefix(h,
				"{"+namespaceWSA+"}")
		})
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// SamePolicy reports whether two policies are the same but for their names.
func SamePolicy(a, b wssec.Policy) bool { return keyOf(a) == keyOf(b) }
