package reconcile

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// row is one row of the tables in the package's documentation, and a test.
type row struct {
	name   string
	op     Op // none: the plan says nothing
	reason Reason
	class  Class
	given  func(s *scene)
}

// scene is one item and what there is of it. It begins with an item that is in place.
type scene struct {
	item    Item
	locked  ID // what is being worked on beside
	about   ID // what the row is about; empty: the item
	have    Observed
	cluster ClusterLive
	wanted  bool
	others  map[ID]Observed // what else is in the cluster
	want    Desired
	live    Live
}

// noon is when these tests happen.
func noon() time.Time { return time.Date(2026, 10, 9, 12, 0, 0, 0, time.UTC) }

func newScene() *scene {
	it := testItem("eu", "frankfurt")
	return &scene{
		item: it, have: inPlace(it), wanted: true,
		cluster: ClusterLive{Reachable: true, Looked: true, Counted: true, Held: true},
		want: Desired{
			Owner: "acme", Commit: Commit{SHA: "1a2b3c4d5e6f"}, Clusters: map[string]ClusterWant{"eu": {MaxConcurrent: 4}},
			Removed: map[string]Removal{}, Limits: Limits{MaxDelete: 3, MaxDeletePercent: 10},
		},
		live: Live{At: noon(), Clusters: map[string]ClusterLive{}},
	}
}

// testItem is an item as package render makes it.
func testItem(cluster, provider string) Item {
	it := Item{
		ID: ID{Cluster: cluster, Kind: KindRelease, Namespace: "coder", Name: provider}, Provider: provider,
		Release: Release{
			Chart:  Chart{Name: "workspace-provider", Version: "1.44.0", Digest: "sha256:c0ffee"},
			Values: map[string]any{"replicas": int64(2)}, OnFailure: Keep, Deletion: Uninstall, Drift: DriftRepair,
		},
	}
	it.Seal()
	return it
}

// inPlace is a release that is what its item asks for.
func inPlace(it Item) Observed {
	return Observed{
		Owner: "acme", Provider: it.Provider, Organization: it.Organization, Digest: Digest(it, nil), Commit: "0f0f0f",
		Policy: it.Release.Deletion, State: Deployed, Revision: 3, Health: Healthy, ReadySince: noon().Add(-time.Hour),
	}
}

// plan decides. The release's cluster is eu.
func (s *scene) plan() Plan {
	s.cluster.Releases = map[ID]Observed{}
	if s.have.State != Absent || s.have.Tries > 0 {
		s.cluster.Releases[s.item.ID] = s.have
	}
	if s.locked != (ID{}) {
		s.cluster.Releases[s.locked] = Observed{State: Locked}
	}
	maps.Copy(s.cluster.Releases, s.others)
	s.live.Clusters["eu"] = s.cluster
	if s.wanted {
		s.want.Items = append(s.want.Items, s.item)
	}
	return Decide(s.want, s.live)
}

// decided is the row that came out.
func (s *scene) decided() (op Op, reason Reason, class Class) {
	about := s.item.ID
	if s.about != (ID{}) {
		about = s.about
	}
	for _, a := range s.plan().Actions {
		if a.ID == about {
			return a.Op, a.Reason, a.Class
		}
	}
	return "", "", ""
}

// orphaned makes the release one that nobody wants any more.
func (s *scene) orphaned(policy Policy) {
	s.wanted, s.have.Policy = false, policy
}

// renamed gives the provider another name, and leaves the release as it is.
func (s *scene) renamed() {
	it := s.item
	it.ID.Name, it.Provider, it.Previous = "berlin", "berlin", []string{"frankfurt"}
	s.want.Items, s.wanted = append(s.want.Items, it), false
}

// forget declares that the provider is gone for good.
func (s *scene) forget() {
	s.orphaned(Uninstall)
	s.want.Removed["frankfurt"] = Removal{Policy: "forget", Forget: true, Reason: "the cluster was sold"}
}

// lose makes the cluster unreachable.
func (s *scene) lose() { s.cluster.Reachable, s.cluster.Err = false, "connection refused" }

// tried notes that what is to be done failed a moment ago.
func (s *scene) tried(digest string) {
	s.have.Tries, s.have.Tried, s.have.RetryAt = 1, digest, noon().Add(time.Second)
}

// never makes the release one that has not been Ready since it was applied, and will not be.
func (s *scene) never() {
	s.have.Health, s.have.ReadySince = Unhealthy, time.Time{}
	s.item.Release.OnFailure = Rollback
}

// freeze has somebody stop what would change.
func (s *scene) freeze(f Freeze) {
	f.Reason, f.By, f.Until = "incident", "ada", noon().Add(time.Hour)
	s.cluster.Freezes = append(s.cluster.Freezes, f)
}

// populate puts environments into the provider.
func (s *scene) populate(envs ...Environment) {
	s.cluster.Environments = map[string][]Environment{"frankfurt": envs}
}

const another = "another digest"

// decisions are the rows for one item.
func decisions() []row {
	return []row{
		{"its cluster cannot be seen", OpHold, Unknown, Person, func(s *scene) { s.lose() }},
		{"it is not known what it should be", OpHold, Unknown, Person, func(s *scene) { s.item.Broken = "no such chart" }},
		{"nothing is there", OpCreate, Missing, NoClass, func(s *scene) { s.have = Observed{} }},
		{"we are at it", OpHold, IsLocked, Progress, func(s *scene) { s.have = Observed{State: Locked} }},
		{"its stored release cannot be read", OpHold, Unknown, Person, func(s *scene) { s.have.State = Corrupt }},
		{"another tool manages it", OpHold, NotOurs, Person, func(s *scene) {
			s.have.Owner, s.have.Manager, s.item.Release.Adopt = "", "Flux", true
		}},
		{"it belongs to another deployment", OpHold, NotOurs, Person, func(s *scene) {
			s.have.Owner, s.item.Release.Adopt = "other", true
		}},
		{"it is nobody's", OpHold, NotOurs, Person, func(s *scene) { s.have.Owner = "" }},
		{"it is nobody's, adopt is declared, somebody is at it", OpHold, NotOurs, Person, func(s *scene) {
			s.have.Owner, s.have.State, s.item.Release.Adopt = "", Pending, true
		}},
		{"it is nobody's, adopt is declared", OpAdopt, Adopted, NoClass, func(s *scene) {
			s.have.Owner, s.item.Release.Adopt = "", true
		}},
		{"its uninstall was begun and not finished", OpCreate, HasFailed, NoClass, func(s *scene) { s.have.State = Uninstalling }},
		{"it was left pending", OpUpdate, HasFailed, NoClass, func(s *scene) { s.have.State = Pending }},
		{"these inputs failed, a retry is asked for", OpUpdate, HasFailed, NoClass, func(s *scene) {
			s.have.Attempted, s.have.Digest, s.have.RetryAsked = s.item.Base, another, true
		}},
		{"it was rolled back from these inputs", OpHold, RolledBack, Person, func(s *scene) {
			s.have.Attempted, s.have.Digest = s.item.Base, another
		}},
		{"these inputs failed, rollback is declared", OpRollback, HasFailed, NoClass, func(s *scene) {
			s.have.State, s.have.Attempted, s.have.Digest = Failed, s.item.Base, another
			s.item.Release.OnFailure = Rollback
		}},
		{"these inputs failed", OpUpdate, HasFailed, NoClass, func(s *scene) {
			s.have.State, s.have.Attempted, s.have.Digest = Failed, s.item.Base, another
		}},
		{"its newest revision is somebody else's", OpUpdate, Changed, NoClass, func(s *scene) { s.have.Digest = "" }},
		{"other inputs failed", OpUpdate, Changed, NoClass, func(s *scene) {
			s.have.State, s.have.Attempted = Failed, another
		}},
		{"it has other inputs", OpUpdate, Changed, NoClass, func(s *scene) { s.have.Digest = another }},
		{"it is marked with another policy", OpUpdate, Changed, NoClass, func(s *scene) { s.have.Policy = Block }},
		{"it is marked with another provider", OpUpdate, Changed, NoClass, func(s *scene) { s.have.Provider = "main" }},
		{"it is marked with another organization", OpUpdate, Changed, NoClass, func(s *scene) { s.have.Organization = "red" }},
		{"its provider had another name before", OpUpdate, Changed, NoClass, func(s *scene) { s.renamed() }},
		{"its provider had another name before, and it is marked", OpKeep, InSync, NoClass, func(s *scene) {
			s.renamed()
			s.have.Provider = "berlin"
		}},
		{"it drifted, repair is declared", OpRepair, Drifted, NoClass, func(s *scene) { s.have.Drift = []Drift{{Object: "Deployment/a"}} }},
		{"it drifted, it was put back three times in ten minutes", OpHold, Contested, Person, func(s *scene) {
			s.have.Drift = []Drift{{Object: "Deployment/a", Contested: true}}
		}},
		{"it is healthy, it drifted", OpKeep, Drifted, NoClass, func(s *scene) {
			s.have.Drift, s.item.Release.Drift = []Drift{{Object: "Deployment/a"}}, DriftReport
		}},
		{"it is healthy", OpKeep, InSync, NoClass, func(*scene) {}},
		{"it was never ready, rollback is declared", OpRollback, HasFailed, NoClass, func(s *scene) { s.never() }},
		{"it was never ready, there is nothing to go back to", OpKeep, HasFailed, NoClass, func(s *scene) {
			s.never()
			s.have.Revision = 1
		}},
		{"it is not healthy any more", OpKeep, HasFailed, NoClass, func(s *scene) {
			s.have.Health, s.item.Release.OnFailure = Unhealthy, Rollback
		}},
		{"it is not healthy yet", OpHold, Settling, Progress, func(s *scene) { s.have.Health = Progressing }},

		{"it is suspended", OpHold, Suspended, Declared, func(s *scene) {
			s.have.Digest, s.item.Suspended = another, "audit"
			s.item.Release.References = []Reference{{Kind: "Secret", Name: "token"}}
		}},
		{"it is frozen", OpHold, Frozen, Declared, func(s *scene) {
			s.have.Digest = another
			s.tried(s.item.Base)
			s.freeze(Freeze{})
		}},
		{"it takes values from what was not looked for yet", OpHold, Settling, Progress, func(s *scene) {
			s.have = Observed{}
			s.item.Release.References = []Reference{{Kind: "Secret", Name: "token"}}
			s.cluster.Unlisted = map[string]bool{"Secret": true}
		}},
		{"it takes values from what is not there", OpHold, WaitingForSecret, Person, func(s *scene) {
			s.item.Release.References = []Reference{{Kind: "Secret", Name: "token"}}
			s.tried(Digest(s.item, []RefState{{}}))
		}},
		{"the same inputs failed a moment ago", OpHold, BackingOff, Progress, func(s *scene) {
			s.have.Digest = another
			s.tried(s.item.Base)
		}},

		{"it is declared forgotten, its cluster cannot be seen", "", "", "", func(s *scene) { s.forget(); s.lose() }},
		{"it is declared forgotten", OpHold, Forgotten, Person, func(s *scene) { s.forget() }},
		{"its cluster is not seen", OpHold, Unknown, Person, func(s *scene) { s.orphaned(Uninstall); s.lose() }},
		{"we are at its end", OpHold, IsLocked, Progress, func(s *scene) { s.orphaned(Uninstall); s.have.State = Locked }},
		{"its stored end cannot be read", OpHold, Unknown, Person, func(s *scene) { s.orphaned(Uninstall); s.have.State = Corrupt }},
		{"its policy is block", OpHold, Blocked, Person, func(s *scene) { s.orphaned(Block); s.tried("") }},
		{"its cluster is not declared any more", OpHold, UndeclaredCluster, Person, func(s *scene) {
			s.orphaned(Uninstall)
			delete(s.want.Clusters, "eu")
		}},
		{"it is frozen", OpHold, Frozen, Declared, func(s *scene) { s.orphaned(Uninstall); s.freeze(Freeze{Deletes: true}) }},
		{"its end failed a moment ago", OpHold, BackingOff, Progress, func(s *scene) { s.orphaned(Uninstall); s.tried("") }},
		{"its environments were not counted yet", OpHold, Unknown, Person, func(s *scene) {
			s.orphaned(Uninstall)
			s.cluster.Counted = false
		}},
		{"it is not known whose environments are there", OpHold, Unrecognised, Person, func(s *scene) {
			s.orphaned(Uninstall)
			s.populate(Environment{ID: "1"})
		}},
		{"environments are there", OpHold, Occupied, Person, func(s *scene) {
			s.orphaned(Uninstall)
			s.populate(Environment{ID: "1", Organization: "red"})
		}},
		{"its policy is uninstall", OpDelete, Orphaned, NoClass, func(s *scene) { s.orphaned(Uninstall) }},
		{"its policy is orphan", OpOrphan, Orphaned, NoClass, func(s *scene) { s.orphaned(Orphan) }},
		{"it is uninstalled, and its history was kept", "", "", "", func(s *scene) {
			s.orphaned(Uninstall)
			s.have.State, s.have.Tries = Absent, 1
		}},
		{"it is not ours", "", "", "", func(s *scene) { s.orphaned(Uninstall); s.have.Owner = "" }},
		{"only a part of what is declared is looked at", "", "", "", func(s *scene) { s.orphaned(Uninstall); s.want.Narrowed = true }},
	}
}

func TestDecide(t *testing.T) {
	for _, r := range slices.Concat(decisions(), doorDecisions(), rollouts(), guards()) {
		t.Run(r.name, func(t *testing.T) {
			s := newScene()
			r.given(s)
			if op, reason, class := s.decided(); op != r.op || reason != r.reason || class != r.class {
				t.Errorf("got %q %q %q, want %q %q %q", op, reason, class, r.op, r.reason, r.class)
			}
		})
	}
}

// TestTheDocumentationIsTheTest compares the tables of doc.go with the rows above.
func TestTheDocumentationIsTheTest(t *testing.T) {
	var tested, documented []string
	for _, r := range slices.Concat(decisions(), doorDecisions(), rollouts(), guards()) {
		op := string(r.op)
		if op == "" {
			op = "-"
		}
		tested = append(tested, strings.Join([]string{r.name, op, string(r.reason), string(r.class)}, " | "))
	}
	text, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	columns := []int{3, 60, 70, 90, 100} // where name, op, reason and class begin
	for line := range strings.Lines(string(text)) {
		line = strings.TrimRight(line, "\n") + strings.Repeat(" ", 100)
		op := strings.TrimSpace(line[columns[1]:columns[2]])
		if !strings.HasPrefix(line, "//\t") || op != "-" && !slices.Contains(Ops, Op(op)) {
			continue
		}
		var cells []string
		for i := range 4 {
			cells = append(cells, strings.TrimSpace(line[columns[i]:columns[i+1]]))
		}
		documented = append(documented, strings.Join(cells, " | "))
	}
	if diff := cmp.Diff(tested, documented); diff != "" {
		t.Errorf("-test +documentation:\n%s", diff)
	}
}

func TestThePlanListsTheClustersThatItIsAbout(t *testing.T) {
	s := newScene()
	s.want.Clusters["us"] = ClusterWant{}                      // declared, never looked at
	s.live.Clusters["gone"] = ClusterLive{Err: "no such host"} // not declared any more, holds nothing
	left := testItem("ap", "tokyo")                            // not declared any more, holds something
	s.live.Clusters["ap"] = ClusterLive{Reachable: true, Looked: true, Counted: true, Releases: map[ID]Observed{left.ID: inPlace(left)}}
	var names []string
	for _, c := range s.plan().Clusters {
		names = append(names, c.Name)
	}
	if diff := cmp.Diff([]string{"ap", "eu", "us"}, names); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestActionsAreSortedInPlace(t *testing.T) {
	for n := range 200 {
		var actions []Action
		for i := range n % 17 {
			actions = append(actions, Action{ID: ID{Cluster: "eu", Name: fmt.Sprint(i)}, Wave: i / 3, Op: []Op{OpKeep, OpDelete}[i%2]})
		}
		rand.Shuffle(len(actions), func(i, j int) { actions[i], actions[j] = actions[j], actions[i] })
		want := slices.Clone(actions)
		slices.SortFunc(want, func(a, b Action) int { return compareActions(&a, &b) })
		sort(actions)
		if diff := cmp.Diff(want, actions); diff != "" {
			t.Fatalf("-want +got:\n%s", diff)
		}
	}
}
