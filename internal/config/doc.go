// Package config merges flags, environment and a YAML file into one typed
// [Config], from which the gateway is assembled.
//
// A setting has one name everywhere:
//
//	--clock-skew 2m             a flag
//	WSSGATE_CLOCK_SKEW=2m       the environment
//	clock-skew: 2m              the file
//
// A flag overrides the environment, which overrides the file, which overrides
// the default. Names and defaults are the struct tags of [Process] and [Route];
// the help texts are those of [Help].
//
// "services:" is not a setting but a list of [Service]: principals and keys
// under names, which routes use.
//
// Settings of a [Route] may be given at the top level. Without "routes:" they
// are the single route; with it each route starts from them. If a route in the
// file sets what a flag or variable sets too, the configuration is refused, so
// that neither is silently ignored.
//
// # Security considerations
//
// A missing value must not weaken a policy. An empty list of allowed clients
// allows all, so an empty flag or variable is refused ([Given]), and so are
// anchors, aliases and tags in the file, which may hide that there is no value.
// An empty list that the file spells out, [], is accepted and shown with its
// origin.
//
// A typo must not weaken a policy either: an unknown key is an error that names
// its place and the nearest known name, at every depth, including the fields of
// a policy. All findings are reported at once, each with its origin and its
// cure.
//
// [Config.Effective], the only way to print a configuration, masks what may be
// secret: user information and query of a backend URL.
package config
