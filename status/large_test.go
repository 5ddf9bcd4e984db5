package status

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/workspace-providers/reconcile/reconcile"
)

// large is a world of a thousand providers in twenty clusters.
func large() reconcile.Report {
	w := newWorld()
	for c := range 20 {
		name := fmt.Sprintf("c%02d", c)
		w.Want.Clusters[name] = reconcile.ClusterWant{}
		w.Live.Clusters[name] = reconcile.ClusterLive{
			Reachable: true, Looked: true, Counted: true, Releases: map[reconcile.ID]reconcile.Observed{},
		}
		for p := range 50 {
			w.put(w.want(name, fmt.Sprintf("p%02d-%02d", c, p), ""), nil)
		}
	}
	for _, name := range []string{"eu", "us", "built-in"} {
		delete(w.Want.Clusters, name)
		delete(w.Live.Clusters, name)
	}
	return w.report()
}

func TestAThousandProvidersAreAboutFiveThousandSeries(t *testing.T) {
	registry, m := newMetrics(t)
	m.Report(large())
	n := 0
	for line := range strings.Lines(fetchMetrics(t, registry)) {
		if !strings.HasPrefix(line, "#") {
			n++
		}
	}
	if n > 5400 || n < 4000 {
		t.Errorf("%d series", n)
	}
}

func BenchmarkProviders(b *testing.B) {
	r := large()
	for b.Loop() {
		Providers(r)
	}
}

func BenchmarkLines(b *testing.B) {
	r := large()
	for b.Loop() {
		Lines(r)
	}
}

func BenchmarkReporters(b *testing.B) {
	m, err := NewMetrics(prometheus.NewRegistry(), Build{})
	if err != nil {
		b.Fatal(err)
	}
	r, web, log := large(), &Web{}, NewLog(slog.New(slog.DiscardHandler))
	for b.Loop() {
		m.Report(r)
		web.Report(r)
		log.Report(r)
	}
}
