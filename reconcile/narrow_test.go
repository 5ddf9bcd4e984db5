package reconcile

import (
	"strings"
	"testing"
)

func TestNarrow(t *testing.T) {
	all := Desired{
		Items: []Item{testItem("eu", "frankfurt"), testItem("eu", "paris"), testItem("us", "boston")},
		Clusters: map[string]ClusterWant{
			"built-in": {}, "eu": {MaxConcurrent: 2}, "us": {}, "idle": {},
		},
		Providers: map[string]ProviderWant{
			"built-in": {Cluster: "built-in"}, "frankfurt": {Cluster: "eu"}, "paris": {Cluster: "eu"}, "boston": {Cluster: "us"},
		},
	}
	for _, test := range []struct {
		provider, cluster string
		want              string // providers, items and clusters, or an error
	}{
		{"", "", "boston built-in frankfurt paris; eu/frankfurt eu/paris us/boston; built-in eu idle us"},
		{"paris", "", "paris; eu/paris; eu"},
		{"", "eu", "frankfurt paris; eu/frankfurt eu/paris; eu"},
		{"paris", "eu", "paris; eu/paris; eu"},
		{"paris", "us", "; ; us"},
		{"built-in", "", "built-in; ; built-in"},
		{"", "idle", "; ; idle"},
		{"rome", "", `no provider "rome" is declared; there are: boston, built-in, frankfurt, paris`},
		{"", "ap", `no cluster "ap" is declared; there are: built-in, eu, idle, us`},
	} {
		t.Run(test.provider+"/"+test.cluster, func(t *testing.T) {
			got, err := all.Narrow(test.provider, test.cluster)
			if err != nil {
				if err.Error() != test.want || len(got.Items) > 0 {
					t.Errorf("error %v, items %v; want %s", err, got.Items, test.want)
				}
				return
			}
			var items []string
			for _, it := range got.Items {
				items = append(items, it.ID.Cluster+"/"+it.ID.Name)
			}
			have := strings.Join([]string{
				strings.ReplaceAll(names(got.Providers), ",", ""), strings.Join(items, " "), strings.ReplaceAll(names(got.Clusters), ",", ""),
			}, "; ")
			if all := test.provider == "" && test.cluster == ""; have != test.want || got.Narrowed == all {
				t.Errorf("%s, narrowed %v; want %s", have, got.Narrowed, test.want)
			}
		})
	}
}
