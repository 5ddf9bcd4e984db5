package kube

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestPoolsStandInTheClusterAsTheyAre(t *testing.T) {
	w := newWorld(t)
	stand := func() map[string]string {
		list, err := w.kube.CoreV1().ConfigMaps("default").List(t.Context(), metav1.ListOptions{
			LabelSelector: stateLabel + "=" + poolState + "," + markOwner + "=" + w.space,
		})
		if err != nil {
			t.Fatal(err)
		}
		out := map[string]string{}
		for _, cm := range list.Items {
			out[strings.TrimPrefix(cm.Name, "reconcile-"+w.space+".pool.")] = cm.Data["providers.json"]
		}
		return out
	}
	for _, want := range []map[string]string{
		{"blue": `{"providers":[]}`, "red": "1"},
		{"blue": `{"providers":[]}`, "red": "2"},
		{"red": "2", "white": "3"},
		{},
	} {
		pools := map[string][]byte{}
		for name, text := range want {
			pools[name] = []byte(text)
		}
		w.until("the pools to stand there", func() bool {
			w.cluster.NotePools(pools)
			return cmp.Equal(stand(), want)
		})
		writes := w.cluster.Stats.Writes.Load()
		w.until("the watch to show them", func() bool { return cmp.Equal(w.cluster.session.pools(), want) })
		w.cluster.NotePools(pools)
		if n := w.cluster.session.jobs.Len(); n > 0 {
			t.Errorf("what stands there is written again: %d jobs, %d writes so far", n, writes)
		}
	}
}

func TestAPoolThatDoesNotFitSaysSo(t *testing.T) {
	got := fitting(map[string][]byte{"blue": make([]byte, maxPool+1), "red": []byte("{}")})
	if !strings.Contains(got["blue"], "/api/v1/organizations/blue/providers") || got["red"] != "{}" {
		t.Errorf("got %v", got)
	}
}
