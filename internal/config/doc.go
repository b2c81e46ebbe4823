// Package config turns flags, environment and a YAML file into the one typed
// [Config] that the gateway is assembled from.
//
// A setting has one name everywhere:
//
//	--clock-skew 2m             a flag
//	WSSGATE_CLOCK_SKEW=2m       the environment
//	clock-skew: 2m              the file
//
// The nearer to the operator's hand, the stronger: flag, then environment,
// then file, then default. The names, defaults and help texts are the struct
// tags of [Process] and [Route]; nothing else lists them.
//
// What stands in "services:" is no setting but a list of its own: principals
// and keys under names, which routes use.
//
// Settings of a [Route] may stand at the top level. Without "routes:" they
// are the single route; with it they are what each route starts from. A flag
// or variable never silently loses against a route: if the route in the file
// sets the same name, the configuration is refused.
//
// # Security considerations
//
// A value that is not there must not weaken a policy: an empty flag or variable
// is refused ([Given]), since an empty list of allowed clients allows all, and
// so are anchors, aliases and tags in the file, behind which nothing may stand.
// An empty list that the file spells out, [], is taken and shown with its
// origin.
//
// A typo must not weaken one either, so an unknown key is an error that names
// its place and the nearest known name, at every depth including the fields
// of a policy. All findings are reported at once, each with its origin and its
// cure. What may be secret (user information and query of a backend URL) is
// masked by [Config.Effective], which is the only way out to a terminal.
package config
