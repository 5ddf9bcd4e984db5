package schema

import (
	"cmp"
	"encoding/json"
	"fmt"
)

// Line says where one value of a provider comes from.
type Line struct {
	Path   string // "chart.version"
	Value  string // as JSON; empty below values and ready.create, where it may be anything
	Source string // "providers.cue:12", "clusters.eu.defaults (eu.cue:4)", "chart.shape v1", "built in"
}

// String writes the line as a comment beside a value.
func (l Line) String() string {
	return fmt.Sprintf("%s: %s  # %s", l.Path, cmp.Or(l.Value, "…"), l.Source)
}

// Explain lists where each value of a provider comes from, sorted by path; nothing for a
// provider that is not there.
func Explain(cfg Config, provider string) []Line {
	var lines []Line
	text, err := json.Marshal(cfg.Providers[provider])
	if err != nil {
		panic("schema: encode provider: " + err.Error()) // a bug: it has been decoded from JSON
	}
	var fields map[string]any
	if err := json.Unmarshal(text, &fields); err != nil {
		panic("schema: decode provider: " + err.Error())
	}
	known := map[string]string{}
	flatten(known, "", fields)
	for _, path := range names(cfg.Sources[provider]) {
		lines = append(lines, Line{Path: path, Value: known[path], Source: cfg.Sources[provider][path]})
	}
	return lines
}

// flatten notes each value below fields as JSON, by its path, without those that may be anything.
func flatten(all map[string]string, path string, fields map[string]any) {
	for name, v := range fields {
		p := join(path, name)
		if name == "values" || name == "create" {
			continue
		}
		if below, ok := v.(map[string]any); ok && len(below) > 0 {
			flatten(all, p, below)
			continue
		}
		text, err := json.Marshal(v)
		if err != nil {
			panic("schema: encode value: " + err.Error())
		}
		all[p] = string(text)
	}
}
