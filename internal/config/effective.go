package config

import (
	"fmt"
	"net/url"
	"reflect"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
)

// Effective returns the configuration as a file that would lead to it, each
// value with its origin as a comment, secrets masked: what is masked has to be
// written again.
func (c *Config) Effective() ([]byte, error) {
	masked := struct {
		Process  `yaml:",inline"`
		Services []Service       `yaml:"services,omitempty"`
		Routes   []yaml.MapSlice `yaml:"routes"`
	}{Process: c.Process, Services: c.Services}
	comments := yaml.CommentMap{}
	c.comment(comments, &masked.Process, "")
	for i := range c.Services {
		c.comment(comments, &c.Services[i], servicePrefix(i))
	}
	for i, r := range c.Routes {
		r.Backend = maskURL(r.Backend)
		masked.Routes = append(masked.Routes, r.effective())
		c.comment(comments, &r, routePrefix(i))
	}
	text, err := yaml.MarshalWithOptions(masked, yaml.IndentSequence(true), yaml.WithComment(comments))
	if err != nil {
		return nil, fmt.Errorf("writing the effective configuration: %w", err)
	}
	return text, nil
}

// effective returns the settings that mean something to the route.
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
		case !given, strings.HasPrefix(prefix, "services[") && field.IsZero(): // not printed
		case field.Kind() == reflect.Slice && field.Len() == 0: // the encoder would write "[]" behind the comment
			comments["$."+prefix+name] = []*yaml.Comment{yaml.HeadComment(" " + how + ", empty:")}
		default:
			comments["$."+prefix+name] = []*yaml.Comment{yaml.LineComment(" " + how)}
		}
	}
}

// maskURL hides what a URL may hold as secret: user information, and the values
// of a query.
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

// maskQuery keeps the names of a query; what has no name is a value.
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

// isMasked reports whether u was copied from what --check printed: a backend
// would get the mask for a password.
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
