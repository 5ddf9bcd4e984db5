package kube

import (
	"context"
	"runtime"
	"testing"
	"time"
	"weak"

	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/release"
	"k8s.io/apimachinery/pkg/util/wait"
)

// A thousand releases that are in memory have one chart, which is gone with the last of them.
func TestReleasesShareTheirChart(t *testing.T) {
	read := func(name, version string) *release.Release {
		rel := aRelease(name, 1, release.StatusDeployed)
		rel.Chart.Metadata.Version = version
		secret, err := pack("key", rel, "createdAt")
		if err != nil {
			t.Fatal(err)
		}
		rel, err = unpack(secret.Data["release"])
		if err != nil {
			t.Fatal(err)
		}
		return rel
	}
	web, db, other := read("web", "7.0.0"), read("db", "7.0.0"), read("web", "7.0.1")
	if web.Chart != db.Chart || web.Chart == other.Chart {
		t.Errorf("the same chart is shared: %v, another too: %v", web.Chart == db.Chart, web.Chart == other.Chart)
	}
	if web.Name != "web" || db.Name != "db" || db.Chart.Metadata.Version != "7.0.0" || other.Chart.Metadata.Version != "7.0.1" {
		t.Errorf("read are %+v and %+v", web, db)
	}
	var sum any
	sharedCharts.Range(func(key, chartOf any) bool {
		if chartOf.(weak.Pointer[chart.Chart]).Value() == web.Chart {
			sum = key
		}
		return sum == nil
	})
	runtime.KeepAlive([]*release.Release{web, db})
	err := wait.PollUntilContextTimeout(t.Context(), time.Millisecond, time.Minute, true, func(context.Context) (bool, error) {
		runtime.GC() // what it clears away is told beside it
		_, kept := sharedCharts.Load(sum)
		return !kept, nil
	})
	if err != nil {
		t.Errorf("the chart outlives its releases: %v", err)
	}
}
