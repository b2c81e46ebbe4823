package config

import (
	"fmt"
	"net/url"
	"reflect"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
)

// Effective returns the configuration as a YAML file that [Load] would return
// the same of, each value with its origin as a comment. Secrets are masked, and
// Load refuses the mask.
func (c *Config) Effective() ([]byte, error) {
	comments := yaml.CommentMap{}
	masked := c.effective()
	c.comment(comments, &c.Process, "")
	if c.listenerEntries != nil {
		masked = append(masked, yaml.MapItem{Key: "listeners", Value: c.Listeners})
	}
	for i := range c.Listeners {
		c.comment(comments, &c.Listeners[i], listenerPrefix(i))
	}
	if len(c.Certificates) > 0 {
		masked = append(masked, yaml.MapItem{Key: "certificates", Value: c.Certificates})
	}
	for i := range c.Certificates {
		c.comment(comments, &c.Certificates[i], certificatePrefix(i))
	}
	if len(c.Services) > 0 {
		masked = append(masked, yaml.MapItem{Key: "services", Value: c.Services})
	}
	for i := range c.Services {
		c.comment(comments, &c.Services[i], servicePrefix(i))
	}
	var routes []yaml.MapSlice
	for i, r := range c.Routes {
		r.Backend = r.Backend.masked()
		routes = append(routes, r.effective())
		c.comment(comments, &r, routePrefix(i))
	}
	if !c.relayAlone {
		masked = append(masked, yaml.MapItem{Key: "routes", Value: routes})
	}
	text, err := yaml.MarshalWithOptions(masked, yaml.IndentSequence(true), yaml.WithComment(comments))
	if err != nil {
		return nil, fmt.Errorf("writing the effective configuration: %w", err)
	}
	return text, nil
}

// effective returns the settings of the process that have an effect: without
// those of a listener if there are listeners:, and those of a relay without one.
func (c *Config) effective() (all yaml.MapSlice) {
	relay := fieldsOf(&Relay{})
	forEachField(reflect.ValueOf(&c.Process).Elem(), func(name string, field reflect.Value, _ reflect.StructTag) {
		switch _, kdc := relay[name]; {
		case kdc && !c.Relays(), c.relayAlone && !ofRelay(name), c.listenerEntries != nil && isOfListener(name):
		default:
			all = append(all, yaml.MapItem{Key: name, Value: field.Interface()})
		}
	})
	return all
}

// effective returns the settings that have a meaning under the route's
// standard.
func (r *Route) effective() (all yaml.MapSlice) {
	forEachField(reflect.ValueOf(r).Elem(), func(name string, field reflect.Value, _ reflect.StructTag) {
		if r.Takes(name) {
			all = append(all, yaml.MapItem{Key: name, Value: field.Interface()})
		}
	})
	return all
}

// comment adds the origins of the settings in v.
func (c *Config) comment(comments yaml.CommentMap, v any, prefix string) {
	for name, field := range fieldsOf(v) {
		how, given := c.origins[prefix+name]
		switch {
		case !given, omitted(prefix) && field.IsZero(): // not printed
		case field.Kind() == reflect.Slice && field.Len() == 0: // the encoder would write "[]" behind the comment
			comments["$."+prefix+name] = []*yaml.Comment{yaml.HeadComment(" " + how + ", empty:")}
		default:
			comments["$."+prefix+name] = []*yaml.Comment{yaml.LineComment(" " + how)}
		}
	}
}

// omitted reports whether settings with a prefix are not printed where they are
// not given.
func omitted(prefix string) bool {
	return strings.HasPrefix(prefix, "services[") || strings.HasPrefix(prefix, "listeners[")
}

// maskURL masks what may be secret in a URL: user information, and the values
// of the query.
func maskURL(s string) string {
	u, err := url.Parse(s)
	if err != nil || u.User == nil && u.RawQuery == "" {
		return s
	}
	masked := *u
	masked.User = nil
	if u.RawQuery != "" {
		masked.RawQuery = maskQuery(u.RawQuery)
	}
	text := masked.String()
	if u.User != nil { // written by hand: url.URL would escape the mask
		text = u.Scheme + "://" + mask + "@" + text[len(u.Scheme)+len("://"):]
	}
	return text
}

const mask = "xxxxx"

// maskQuery keeps the names of a query. A part without "=" is a value.
func maskQuery(query string) string {
	parts := strings.FieldsFunc(query, isSeparator)
	for i, part := range parts {
		if name, _, named := strings.Cut(part, "="); named {
			parts[i] = name + "=" + mask
		} else {
			parts[i] = mask
		}
	}
	return strings.Join(parts, "&")
}

// isMasked reports whether u was copied from the output of --check. The backend
// would get the mask as password.
func isMasked(u *url.URL) bool {
	password, _ := u.User.Password()
	if u.User.Username() == mask || password == mask {
		return true
	}
	return slices.ContainsFunc(strings.FieldsFunc(u.RawQuery, isSeparator), func(part string) bool {
		name, value, _ := strings.Cut(part, "=")
		return name == mask || value == mask
	})
}

func isSeparator(r rune) bool { return r == '&' || r == ';' }
