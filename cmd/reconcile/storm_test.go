package main

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/workspace-providers/reconcile/status"
)

// How many edits are made by hand, in so many rounds; in every other round nobody hears of them at first.
const (
	stormReleases = 100
	stormEdits    = 500
	stormRounds   = 4
	calmEdits     = 10 // one after another
)

// seedEnv makes a test draw what it drew before.
const seedEnv = "RECONCILE_TEST_SEED"

// seed is what a test draws from. It is printed, so that it can be given again.
func seed(t testing.TB) uint64 {
	t.Helper()
	n, err := strconv.ParseUint(os.Getenv(seedEnv), 10, 64)
	if err != nil {
		n = uint64(time.Now().UnixNano())
	}
	t.Logf("%s=%d draws the same again", seedEnv, n)
	return n
}

// storm is many releases that others edit, and what must be there in the end.
type storm struct {
	*daemon
	api      dynamic.Interface
	all      []stormed
	declared map[string]map[string]any // objects, by name, as they were made
	expected map[string]map[string]any
	edits    []handEdit
	at       []time.Time // of each edit
	when     []string    // likewise
}

// 500 random edits by hand at the objects of 100 releases, half of them while the daemon is cut off from the
// cluster: everything declared is put back, nothing else is touched, and nothing is called an edit that is none.
func TestAStormOfEditsByHand(t *testing.T) {
	s := newSite(t, eu)
	r := rand.New(rand.NewPCG(seed(t), 0))
	w := newStorm(s)
	line := s.through(eu)
	sha := s.push()
	newMutator(t).register(s)
	w.daemon = s.daemon("--interval", "1m")
	began := time.Now()
	w.quiet("all releases are in place", sha)
	w.declared = w.look()
	if want := len(w.all) * len(stormKinds); len(w.declared) != want {
		t.Fatalf("there are %d objects, want %d", len(w.declared), want)
	}
	w.expected = cloned(w.declared)
	t.Logf("%d releases with %d objects in place after %s", len(w.all), len(w.declared), time.Since(began).Round(time.Second))

	often := map[string]int{}
	for _, e := range drawEdits(r, w.all, calmEdits, often) {
		w.edit("one by one", e)
		w.converge("one edit")
	}
	for round := range stormRounds {
		when := "many at once"
		if round%2 == 1 {
			when = "cut off"
			line.cut()
		}
		began := time.Now()
		for _, e := range drawEdits(r, w.all, stormEdits/stormRounds, often) {
			w.edit(when, e)
		}
		if when == "cut off" {
			w.until("the daemon misses the cluster", func(doc status.StatusDoc) bool {
				return provider(doc, w.all[0].name).Status == status.Error
			})
		}
		edited := time.Since(began)
		line.restore()
		w.converge(fmt.Sprintf("round %d (%s)", round, when))
		w.quiet("all is quiet", sha)
		t.Logf("round %d (%s): edited for %s, quiet %s later", round, when, edited.Round(time.Millisecond),
			(time.Since(began) - edited).Round(time.Millisecond))
	}
	w.judge()
	if got := w.maxRevision(); got != 1 {
		t.Errorf("repairs made revision %d", got)
	}
}

// newStorm declares the releases: some are scaled by somebody who is declared, some by Kubernetes' own autoscaler,
// and some changed by a webhook.
func newStorm(s *site) *storm {
	s.Helper()
	config, err := clientcmd.BuildConfigFromFlags("", s.admin(eu))
	if err != nil {
		s.Fatal(err)
	}
	config.QPS = -1
	w := &storm{}
	if w.api, err = dynamic.NewForConfig(config); err != nil {
		s.Fatal(err)
	}
	s.files["charts/storm/Chart.yaml"] = "apiVersion: v2\nname: storm\nversion: 1.0.0\n"
	s.files["charts/storm/crds/gadgets.yaml"] = s.files["charts/kinds/crds/gadgets.yaml"]
	s.files["charts/storm/templates/all.yaml"] = stormChart
	var text strings.Builder
	for i := range stormReleases {
		p := stormed{name: fmt.Sprintf("s%03d", i)}
		drift := ""
		switch i % 5 {
		case 0:
			p.scaled, drift = "autoscaler", `, drift: ignore: Deployment: "/spec/replicas": true`
		case 1:
			p.scaled = "kube-controller-manager"
		case 2:
			p.name += "-mutated"
		}
		fmt.Fprintf(&text, "providers: %q: {cluster: \"eu\", chart: path: \"charts/storm\"%s}\n", p.name, drift)
		w.all = append(w.all, p)
	}
	s.declare("storm.cue", text.String())
	return w
}

// edit does what somebody does by hand, past the daemon; when is said of it later.
func (w *storm) edit(when string, e handEdit) {
	w.Helper()
	api := w.api.Resource(stormKinds[e.kind]).Namespace(w.name)
	w.edits, w.at, w.when = append(w.edits, e), append(w.at, time.Now()), append(w.when, when)
	if e.patch == "" {
		w.expected[e.object()] = runtime.DeepCopyJSON(w.declared[e.object()])
		if err := api.Delete(w.Context(), e.release.name, metav1.DeleteOptions{}); err != nil {
			w.Fatalf("%s: %v", e.object(), err)
		}
		return
	}
	var doors []string
	if e.door != "" {
		doors = []string{e.door}
	}
	_, err := api.Patch(w.Context(), e.release.name, e.how, []byte(e.patch), metav1.PatchOptions{FieldManager: e.by}, doors...)
	if err != nil {
		w.Fatalf("%s %s: %s: %v", e.object(), e.what, e.patch, err)
	}
	if e.stays != nil {
		e.stays(w.expected[e.object()])
	}
}

// converge waits until everything is as it must be.
func (w *storm) converge(when string) {
	w.Helper()
	want := cloned(w.expected)
	for name := range want {
		want[name] = sorted(want[name]).(map[string]any)
	}
	w.await(when+": all is put back and nothing else", func() (any, bool) {
		have := w.look()
		var wrong []string
		for _, name := range slices.Sorted(maps.Keys(want)) {
			if diff := cmp.Diff(want[name], have[name]); diff != "" && len(wrong) < 5 {
				wrong = append(wrong, name+" (-want +have):\n"+diff+w.history(name))
			}
		}
		return strings.Join(wrong, "\n"), len(wrong) == 0
	})
}

// history is what was done to an object.
func (w *storm) history(object string) string {
	var out strings.Builder
	for i, e := range w.edits {
		if e.object() == object {
			fmt.Fprintf(&out, "%s %s by %s: %s\n", w.at[i].Format(time.StampMilli), e.what, e.by, e.patch)
		}
	}
	return out.String()
}

// quiet waits until everything is Ready and nothing is left to do.
func (w *storm) quiet(what, sha string) {
	w.Helper()
	w.until(what, func(doc status.StatusDoc) bool {
		n := doc.Summary
		return doc.Revision.SHA == sha && n.Keep == len(w.all) && n.Create+n.Update+n.Repair+n.Hold == 0 &&
			!slices.ContainsFunc(doc.Providers, func(p status.Provider) bool { return p.Name != builtIn && p.Status != status.Ready })
	})
}

// maxRevision is the highest Helm revision of all releases.
func (w *storm) maxRevision() int {
	highest := 0
	for _, p := range w.status().Providers {
		for _, rel := range p.Releases {
			highest = max(highest, rel.Revision)
		}
	}
	return highest
}
