// Monitoring writes what Prometheus and Grafana need to watch reconcile: rules, alerts and dashboards, made from what
// stands in this folder's Go files.
//
//	go run ./examples/monitoring -dir examples/monitoring
//
//	dashboards/*.json      for Grafana, to be imported or provisioned as they are
//	rules/reconcile.yml    recording rules and alerts, for rule_files of Prometheus
//	rules/prometheusrule.yml  the same for the Prometheus operator
//	rules/test.yml         their unit tests: promtool test rules
//
// The files are checked in, and a test fails when they are not what this makes. README.md here says how they are used.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	dir := flag.String("dir", ".", "`directory` to write into")
	flag.Parse()
	files, err := files()
	for name, text := range files {
		if err == nil {
			err = os.WriteFile(filepath.Join(*dir, name), text, 0o644)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "monitoring:", err)
		os.Exit(1)
	}
}

// files are all files that are made, by name.
func files() (map[string][]byte, error) {
	out := map[string][]byte{}
	for _, d := range dashboards() {
		text, err := d.json()
		if err != nil {
			return nil, err
		}
		out["dashboards/"+d.UID+".json"] = text
	}
	for name, doc := range map[string]any{
		"rules/reconcile.yml": ruleFile{groups()}, "rules/prometheusrule.yml": prometheusRule(), "rules/test.yml": unitTests(),
	} {
		text, err := inYAML(doc)
		if err != nil {
			return nil, err
		}
		out[name] = text
	}
	return out, nil
}
