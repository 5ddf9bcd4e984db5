package charts_test

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"

	"github.com/workspace-providers/reconcile/examples/charts/charttest"
)

func TestValuesThatTheSchemaRefuses(t *testing.T) {
	envproxy := func(more values) values { return values{"envproxy": more} }
	accessURL := func(url string) values { return values{"cemanager": values{"accessURL": url}} }
	coder := func(more values) values { return values{"coder": more} }
	environment := func(e values) values { return coder(values{"env": []any{e}}) }
	namespace := func(n any) values {
		return coder(values{"serviceAccount": values{"workspaceNamespaces": []any{n}}})
	}
	annotation := func(a any) values { return values{"ingress": values{"additionalAnnotations": []any{a}}} }
	daemon := func(more values) values { return values{"provisionerDaemon": more} }
	tests := []struct {
		chart string
		more  values
		want  string
	}{
		{provider, values{"envProxy": values{}}, "additional properties 'envProxy' not allowed"},
		{provider, envproxy(values{"replica": 1}), "additional properties 'replica' not allowed"},
		{provider, envproxy(values{"replicas": "3"}), "at '/envproxy/replicas': got string, want integer"},
		{provider, envproxy(values{"replicas": 1.5}), "at '/envproxy/replicas': got number, want integer"},
		{provider, envproxy(values{"replicas": -1}), "at '/envproxy/replicas'"},
		{provider, envproxy(values{"securityContext": values{"runAsUser": 0}}),
			"at '/envproxy/securityContext/runAsUser'"},
		{provider, envproxy(values{"clusterAddress": "10.0.0.1:6443"}), "at '/envproxy/clusterAddress'"},
		{provider, envproxy(values{"accessURL": "https://eu.example.com/"}), "at '/envproxy/accessURL'"},
		{provider, envproxy(values{"tokenSecret": nil}), "missing property 'tokenSecret'"},
		{provider, envproxy(values{"tokenSecret": values{"key": nil}}), "missing property 'key'"},
		{provider, accessURL("https://coder.example.com/"), "at '/cemanager/accessURL'"},
		{provider, accessURL("https://coder.example.com/x"), "at '/cemanager/accessURL'"},
		{provider, accessURL("https://me:pw@coder.example.com"), "at '/cemanager/accessURL'"},
		{provider, accessURL("coder.example.com"), "at '/cemanager/accessURL'"},
		{provider, values{"ingress": values{"host": "https://eu.example.com"}}, "at '/ingress/host'"},
		{provider, annotation("a=b"), "at '/ingress/additionalAnnotations/0'"},
		{provider, values{"ingress": nil}, "missing property 'ingress'"},
		{provider, values{"devurls": values{"host": "dev.example.com"}}, "at '/devurls/host'"},
		{provider, values{"ssh": values{"enable": "true"}}, "at '/ssh/enable': got string, want boolean"},
		{provider, values{"serviceType": "Node"}, "at '/serviceType'"},
		{provider, values{"podAnnotations": values{"a": 1}}, "at '/podAnnotations/a': got number, want string"},
		{provider, values{"serviceTolerations": []any{values{"keys": "a"}}},
			"additional properties 'keys' not allowed"},
		{provisioner, values{"coderr": values{}}, "additional properties 'coderr' not allowed"},
		{provisioner, values{"nameOverride": "A"}, "at '/nameOverride'"},
		{provisioner, coder(values{"replicaCount": "3"}), "at '/coder/replicaCount': got string, want integer"},
		{provisioner, environment(values{"name": "A", "value": 1}),
			"at '/coder/env/0/value': got number, want string"},
		{provisioner, environment(values{"name": "A B"}), "at '/coder/env/0/name'"},
		{provisioner, namespace(values{"nam": "a"}),
			"at '/coder/serviceAccount/workspaceNamespaces/0'"},
		{provisioner, namespace("A"),
			"at '/coder/serviceAccount/workspaceNamespaces/0'"},
		{provisioner, daemon(values{"tags": values{"a": "b,c=d"}}), "at '/provisionerDaemon/tags/a'"},
		{provisioner, daemon(values{"terminationGracePeriodSeconds": "600s"}),
			"at '/provisionerDaemon/terminationGracePeriodSeconds'"},
	}
	for _, test := range tests {
		t.Run(fmt.Sprint(test.chart, " ", test.more), func(t *testing.T) {
			base := values{}
			if test.chart == provider {
				base = required()
			}
			_, err := try(t, test.chart, merge(base, test.more))
			if err == nil {
				t.Fatal("it rendered")
			}
			if !strings.Contains(err.Error(), test.want) {
				t.Errorf("have %q\nwant %q", err, test.want)
			}
		})
	}
}

func TestNumbersAreWrittenPlainly(t *testing.T) {
	const big = 1000650000
	for name, number := range map[string]func(int64) any{
		"int64":       func(n int64) any { return n },
		"float64":     func(n int64) any { return float64(n) },
		"json.Number": func(n int64) any { return json.Number(fmt.Sprint(n)) },
	} {
		user := values{"runAsUser": number(big), "runAsGroup": number(big)}
		resources := values{"limits": values{"memory": number(big)}}
		tolerations := []any{values{"key": "a", "tolerationSeconds": number(1000000)}}
		for chart, have := range map[string]values{
			provider: with(values{
				"envproxy": values{
					"replicas": number(3), "terminationGracePeriodSeconds": number(1000000),
					"securityContext": user, "resources": resources,
				},
				"serviceTolerations": tolerations,
				"environments":       values{"tolerations": tolerations},
			}),
			provisioner: {
				"coder": values{
					"replicaCount": number(3), "securityContext": user,
					"resources": resources, "tolerations": tolerations,
				},
				"provisionerDaemon": values{"terminationGracePeriodSeconds": number(1000000)},
			},
		} {
			t.Run(chart+" "+name, func(t *testing.T) {
				text := must(t, chart, have).text
				for _, want := range []string{
					"replicas: 3\n", "terminationGracePeriodSeconds: 1000000\n", "tolerationSeconds: 1000000\n",
					"runAsUser: 1000650000\n", "runAsGroup: 1000650000\n", "memory: 1000650000\n",
				} {
					if !strings.Contains(text, want) {
						t.Errorf("no %q in:\n%s", want, text)
					}
				}
				if have := regexp.MustCompile(`\d[eE]\+?\d\d\b`).FindString(text); have != "" {
					t.Errorf("%q in:\n%s", have, text)
				}
			})
		}
	}
}

// TestEveryValueIsDescribed compares values.yaml with the schema, which must stand alone, and with the table in README.md.
func TestEveryValueIsDescribed(t *testing.T) {
	for _, chart := range charts(t) {
		t.Run(chart, func(t *testing.T) {
			if strings.Contains(read(t, chart, "values.schema.json"), "$ref") {
				t.Error("the schema must stand alone")
			}
			charttest.Described(t, filepath.Join(chart, "values.yaml"), filepath.Join(chart, "values.schema.json"), filepath.Join(chart, "README.md"))
		})
	}
}

// TestEveryValueMayBeNull holds that null takes a value away, or is refused by the schema.
func TestEveryValueMayBeNull(t *testing.T) {
	for chart, base := range map[string]values{provider: required(), provisioner: {}} {
		defaults, err := chartutil.ReadValuesFile(filepath.Join(chart, "values.yaml"))
		if err != nil {
			t.Fatal(err)
		}
		for _, null := range charttest.Nulls(defaults) {
			t.Run(fmt.Sprint(chart, " ", null), func(t *testing.T) {
				out, err := try(t, chart, merge(base, null))
				if err != nil && !strings.Contains(err.Error(), " must be set") &&
					!strings.Contains(err.Error(), ": missing property ") {
					t.Fatal(err)
				}
				if text := out.text + out.notes; regexp.MustCompile("<no value>|nil|replicas: 0").MatchString(text) {
					t.Error(text)
				}
			})
		}
	}
}

// BenchmarkSchema is what a chart's schema costs on every render, since Helm compiles it anew each time.
func BenchmarkSchema(b *testing.B) {
	for chart, have := range map[string]values{provider: required(), provisioner: {}} {
		loaded, err := loader.LoadDir(chart)
		if err != nil {
			b.Fatal(err)
		}
		full, err := chartutil.CoalesceValues(loaded, have)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(chart, func(b *testing.B) {
			for b.Loop() {
				if err := chartutil.ValidateAgainstSchema(loaded, full); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
