// Package schema is what people may declare, and the reading of it: from the files of one
// revision to a Config of plain Go values, or to all the mistakes in them.
//
// A repository holds one CUE package, providers, in the files *.cue of one directory, and data
// files (*.yaml, *.json) in the folders clusters, organizations, providers, allowlists and
// removed beside them. A data file is a map from names to entries of the collection its folder
// is named after. All of it is one package, so references go both ways:
//
//	package providers
//
//	deployment: {
//		name:      "acme"
//		accessURL: "https://coder.example.com"
//		defaults: chart: path: "charts/workspace-provider"
//	}
//	clusters: eu: address: "https://eu.example.com:6443"
//	organizations: sales: {}
//	providers: frankfurt: {
//		cluster:  "eu"
//		hostname: "frankfurt.coder.example.com"
//		values: environments: tolerations: []
//	}
//	allowlists: frankfurt: sales: true
//
// What Load does with that, in this order:
//
//	read      the files that count, none too large          read.go
//	parse     to syntax; refuse what reaches outside         parse.go lint.go yaml.go
//	evaluate  with CUE, which loads nothing                  build.go
//	walk      each value against schema.cue, field by field  form.go walk.go field.go export.go
//	fill      defaults, releases of organizations, shapes    defaults.go organization.go shape.go
//	check     the rules across declarations                  check.go rule_*.go
//
// schema.cue is the only place where the form of a declaration is written. CUE is not asked to
// join it with the declarations: it would stop at the first kind of mistake, name its own
// position, and quote values that may be secret. So schema.cue is taken apart, and every value is
// held against its own constraint. A repository can be stricter than that, and never wider.
//
// Defaults are filled in after the evaluation. A provider has its own value, else that of its
// cluster's defaults, else that of deployment.defaults, else ours: the default provider is
// built-in; the namespace coder; a release is called like its provider, or, for an organization,
// provider-organization, has 10m, is kept when it fails, with a history of 5; wave 0; four releases of a
// cluster at once, no soak, halt on failure; drift is repaired; a deletion is blocked, and limited to the
// smaller of 3 and 10 %; an organization may use the built-in provider; unknown environments are denied; an
// allowlist is enforced where every organization on it says how it is recognised, and else audited. Values are
// merged deeply, lists and null being one value; a chart that names its source takes none from below;
// windows and a sample object are one thing. Config.Sources says where each value came from.
//
// The built-in provider is there without being declared, in the cluster built-in unless it names
// another. It is part of the deployment: no chart, values, release or removal.
//
// With chart.shape v1 or v2, shapes.cue sets the keys of the chart's values that follow from
// declarations, above all the access URL. What says something else is a mistake: nothing is lost silently.
//
// The package knows CUE and nothing of the rest of the program; nothing of CUE leaves it. It
// knows no time: what has an end is declared, and whoever acts on it looks at the clock.
package schema
