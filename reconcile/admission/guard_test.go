package admission

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/workspace-providers/reconcile/reconcile"
)

// objects are what a guard makes, which must not fail.
func objects(t interface {
	Helper()
	Fatal(...any)
}, g Guard) Objects {
	t.Helper()
	made, err := g.Objects()
	if err != nil {
		t.Fatal(err)
	}
	return made
}

// small is a shard's limit in ids, for ids that are this long.
func id(i int) string { return fmt.Sprintf("%08x%s", i*7919%100_003, strings.Repeat("x", 50)) }

func TestNamesOfTwoProvidersAreNeverTheSame(t *testing.T) {
	label := rapid.StringMatching(`[a-z0-9]([-a-z0-9]{0,5}[a-z0-9])?`)
	rapid.Check(t, func(t *rapid.T) {
		a := Guard{Owner: label.Draw(t, "owner"), Provider: label.Draw(t, "provider")}
		b := Guard{Owner: label.Draw(t, "another owner"), Provider: label.Draw(t, "another provider")}
		same := a.Owner == b.Owner && a.Provider == b.Provider
		if (a.Name() == b.Name()) != same || strings.HasPrefix(a.shardName(7), b.Name()+".") != same {
			t.Errorf("%s/%s and %s/%s make %s and %s", a.Owner, a.Provider, b.Owner, b.Provider, a.Name(), b.Name())
		}
	})
	long := strings.Repeat("x", 63)
	if name := (Guard{Owner: long, Provider: long}).shardName(1_000_000); len(name) > 253 {
		t.Errorf("%s is longer than a name may be", name)
	}
}

// What is known comes back, whatever it was divided into before; every key is in exactly one range.
func TestShardsHoldAllThatIsKnownOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		known := map[string]string{}
		for _, i := range rapid.SliceOfN(rapid.IntRange(0, 20_000), 0, 50).Draw(t, "some") {
			known[entry(id(i))] = "o"
		}
		for i := range rapid.SampledFrom([]int{0, 10, 9_000}).Draw(t, "many") {
			known[entry(id(i))] = "o"
		}
		number, from := rapid.IntRange(-1, 6), rapid.StringMatching(`(id\.)?[0-9a-f]{0,4}`)
		shards := layout(known, rapid.MapOfN(number, from, 0, 5).Draw(t, "before"))
		all, last := map[string]string{}, ""
		for i, s := range shards {
			if len(s.lines()) > shardBytes+len(heading) || i > 0 && len(s.known) == 0 || s.number < 0 {
				t.Errorf("shard %d from %q has %d ids", s.number, s.from, len(s.known))
			}
			for k := range s.known {
				if k < s.from || s.to != "" && k >= s.to {
					t.Errorf("%q is not in %q to %q", k, s.from, s.to)
				}
			}
			maps.Copy(all, s.known)
		}
		slices.SortFunc(shards, func(a, b shard) int { return strings.Compare(a.from, b.from) })
		for _, s := range shards {
			if s.from != last {
				t.Errorf("a range ends at %q, and the next begins at %q", last, s.from)
			}
			last = s.to
		}
		if last != "" || !maps.Equal(all, known) || shards[0].number != 0 {
			t.Errorf("%d of %d are known, up to %q", len(all), len(known), last)
		}
	})
}

// What grows touches one shard; one that is full is halved; what shrinks moves nothing.
func TestShardsStayWhatTheyAre(t *testing.T) {
	known, before := map[string]string{}, map[int]string{}
	var shards []shard
	touched := 0
	for i := range 10_000 {
		known[entry(id(i))] = "o"
		if i%500 != 0 {
			continue
		}
		now := layout(known, before)
		for _, s := range now {
			same := func(o shard) bool { return o.number == s.number && o.from == s.from && o.to == s.to }
			if !slices.ContainsFunc(shards, same) {
				touched++
			}
		}
		shards = now
		clear(before)
		for _, s := range shards {
			before[s.number] = s.from
		}
	}
	if len(shards) < 3 || touched > 2*len(shards) {
		t.Errorf("%d shards came into being by %d changes of ranges", len(shards), touched)
	}
	for at := range known {
		if at > "id.00004" {
			delete(known, at)
		}
	}
	if less := layout(known, before); len(less) != 1 || less[0].from != "" || less[0].to != "" {
		t.Errorf("what went empty is still there: %d shards", len(less))
	}
}

func TestWithEnforcementOffOnlyTheRecordStays(t *testing.T) {
	g := sample("x")
	g.Mode, g.Namespaces = reconcile.EnforceOff, nil
	made := objects(t, g)
	if made.Policy != nil || made.Bindings != nil || len(made.Parameters) != 1 {
		t.Fatalf("got %d bindings, %d ConfigMaps", len(made.Bindings), len(made.Parameters))
	}
	state := Read(made.Parameters)
	want := map[string]bool{"research": true, "red": true, "design": false, "blue": false}
	if diff := cmp.Diff(want, state.Open); diff != "" || state.Mode != reconcile.EnforceOff || len(state.Drift) > 0 {
		t.Errorf("%s, drift %q\n%s", state.Mode, state.Drift, diff)
	}
}

func TestObjectsCarryOurMarks(t *testing.T) {
	g := sample("x")
	made := objects(t, g)
	want := map[string]string{LabelOwner: "x", LabelProvider: "frankfurt", LabelDigest: g.Digest()}
	for _, got := range []map[string]string{made.Policy.Labels, made.Bindings[0].Labels, made.Parameters[0].Labels} {
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	}
	before := g.Digest()
	g.Open["blue"], g.Known["x"] = true, "blue"
	if g.Digest() != before {
		t.Error("the digest of what is declared depends on who is allowed, or on what exists")
	}
	if g.Contact = "somebody else"; g.Digest() == before {
		t.Error("the digest of what is declared does not depend on it")
	}
}

func TestWhatCannotBeWrittenIsAnError(t *testing.T) {
	for what, broken := range map[string]func(*Guard){
		"selector":               func(g *Guard) { g.Recognition.Selectors = []string{"app in"} },
		"prebuilt":               func(g *Guard) { g.Recognition.Prebuilt = "app in" },
		"none of its namespaces": func(g *Guard) { g.Namespaces = nil },
		"cannot be a key": func(g *Guard) {
			g.claimed("sa", reconcile.Match{ServiceAccounts: []string{"x:" + strings.Repeat("y", 253)}})
		},
		"rules take":                func(g *Guard) { g.many(20_000) },
		"reading label selector \"": func(g *Guard) { g.Recognition.Selectors = []string{"==="} },
	} {
		g := sample("x")
		broken(&g)
		_, err := g.Objects()
		if what == "prebuilt" {
			what = "reading label selector"
		}
		if err == nil || !strings.Contains(err.Error(), what) || !strings.Contains(err.Error(), "provider frankfurt") {
			t.Errorf("%s: got %v", what, err)
		}
	}
}

func (g *Guard) claimed(name string, m reconcile.Match) { g.Recognition.Organizations[name] = m }

func (g *Guard) many(count int) {
	for i := range count {
		name := fmt.Sprintf("organization-%020d", i)
		g.claimed(name, reconcile.Match{Namespaces: []string{"n" + name}})
	}
}

// What two organizations claim is neither's, in the same words whatever the order.
func TestWhatTwoClaimIsNeithers(t *testing.T) {
	g := sample("x")
	g.claimed("green", reconcile.Match{Namespaces: []string{"x-design"}})
	if got := objects(t, g).Parameters[0].Data["ns.x-design"]; got != "design or green" {
		t.Errorf("got %q", got)
	}
}
