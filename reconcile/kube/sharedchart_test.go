package kube

import (
	"runtime"
	"testing"
	"time"

	"helm.sh/helm/v3/pkg/release"
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
	runtime.KeepAlive([]*release.Release{web, db, other})
	for kept := 1; kept > 0; time.Sleep(time.Millisecond) {
		runtime.GC()
		kept = 0
		sharedCharts.Range(func(any, any) bool { kept++; return true })
	}
}
