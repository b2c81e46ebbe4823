package config

import (
	"fmt"
	"net/url"
	"reflect"

	"github.com/goccy/go-yaml"
)

// Effective gives the configuration as a file that would lead to it, each
// value with its origin as a comment, secrets masked.
func (c *Config) Effective() ([]byte, error) {
	masked := *c
	masked.Routes = nil
	comments := yaml.CommentMap{}
	c.comment(comments, &masked.Process, "")
	for i, r := range c.Routes {
		r.Backend = maskURL(r.Backend)
		masked.Routes = append(masked.Routes, r)
		c.comment(comments, &r, routePrefix(i))
	}
	text, err := yaml.MarshalWithOptions(masked, yaml.IndentSequence(true), yaml.WithComment(comments))
	if err != nil {
		return nil, fmt.Errorf("writing the effective configuration: %w", err)
	}
	return text, nil
}

// comment adds the origins of the settings in v.
func (c *Config) comment(comments yaml.CommentMap, v any, prefix string) {
	for name, field := range fieldsOf(v) {
		how, given := c.origins[prefix+name]
		switch {
		case !given:
		case field.Kind() == reflect.Slice && field.Len() == 0: // the encoder would write "[]" behind the comment
			comments["$."+prefix+name] = []*yaml.Comment{yaml.HeadComment(" " + how + ", empty:")}
		default:
			comments["$."+prefix+name] = []*yaml.Comment{yaml.LineComment(" " + how)}
		}
	}
}

// maskURL hides the user information, the only secret that a setting can hold.
func maskURL(s string) string {
	u, err := url.Parse(s)
	if err != nil || u.User == nil {
		return s
	}
	masked := *u
	masked.User = nil
	// Written by hand: url.URL would escape the mask.
	return u.Scheme + "://xxxxx@" + masked.String()[len(u.Scheme)+len("://"):]
}
