package admission

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	core "k8s.io/api/core/v1"

	"github.com/workspace-providers/reconcile/reconcile"
)

// State is what the parameters of a provider say in its cluster.
type State struct {
	Mode   reconcile.Enforcement
	Digest string            // of what was declared when they were written; empty: they disagree
	Open   map[string]bool   // by organization that was declared: whether it may create environments
	Known  map[string]string // organization by environment, see Guard
	Shards map[int]string    // first key of each range by number, see Guard
	Drift  []string          // what somebody else must have written, sorted
}

// Read reads the parameters of one provider, whatever somebody made of them. What they disagree on is
// drift; an organization is open while it is in one of them, since it may create there.
func Read(parameters []core.ConfigMap) State {
	s := State{Open: map[string]bool{}, Known: map[string]string{}, Shards: map[int]string{}}
	parameters = slices.SortedFunc(slices.Values(parameters), func(a, b core.ConfigMap) int {
		return strings.Compare(a.Name, b.Name)
	})
	for i, one := range parameters {
		if i == 0 {
			s.Mode, s.Digest = reconcile.Enforcement(one.Data[keyMode]), one.Labels[LabelDigest]
		}
		if one.Labels[LabelDigest] != s.Digest {
			s.Digest = ""
			s.drift(one, "it is of other declarations than "+parameters[0].Name)
		}
		s.compare(one, parameters[0])
		s.shard(one)
		for _, at := range slices.Sorted(maps.Keys(one.Data)) {
			s.read(one, at)
		}
	}
	s.ranges(parameters)
	slices.Sort(s.Drift)
	s.Drift = slices.Compact(s.Drift)
	return s
}

func (s *State) drift(one core.ConfigMap, what string) {
	s.Drift = append(s.Drift, "ConfigMap "+one.Namespace+"/"+one.Name+": "+what)
}

// shard reads which range it is.
func (s *State) shard(one core.ConfigMap) {
	number, err := strconv.Atoi(one.Data[keyShard])
	_, twice := s.Shards[number]
	if err != nil || number < 0 || twice || !strings.HasSuffix(one.Name, "."+one.Data[keyShard]) {
		s.drift(one, fmt.Sprintf("shard is %q", one.Data[keyShard]))
		return
	}
	s.Shards[number] = one.Data[keyFrom]
}

// compare looks for rules that differ from another's.
func (s *State) compare(one, other core.ConfigMap) {
	keys := slices.Collect(maps.Keys(one.Data))
	for key := range other.Data {
		if _, both := one.Data[key]; !both {
			keys = append(keys, key)
		}
	}
	for _, key := range keys {
		value, there := one.Data[key]
		wanted, expected := other.Data[key]
		if key != keyShard && key != keyFrom && key != keyTo && key != keyKnown && (there != expected || value != wanted) {
			s.drift(one, key+" differs from that in "+other.Name)
		}
	}
}

// read reads one entry.
func (s *State) read(one core.ConfigMap, at string) {
	value := one.Data[at]
	organization, isOrganization := strings.CutPrefix(at, prefixOrganization)
	switch {
	case at == keyKnown:
		s.known(one)
	case isOrganization && (value == open || value == closed):
		s.Open[organization] = s.Open[organization] || value == open
	case isOrganization || !expected(at):
		s.drift(one, fmt.Sprintf("%s is %q", at, value))
	}
}

// known reads what exists.
func (s *State) known(one core.ConfigMap) {
	list, headed := strings.CutPrefix(one.Data[keyKnown], heading)
	if !headed || list != "" && !strings.HasSuffix(list, "\n") {
		s.drift(one, "what is known does not begin and end as it should")
	}
	for line := range strings.Lines(list) {
		at, organization, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
		id, ok := environmentID(at)
		if _, twice := s.Known[id]; twice || !ok {
			s.drift(one, fmt.Sprintf("line %q names no environment, or one that is in another place too", line))
			continue
		}
		if at < one.Data[keyFrom] || one.Data[keyTo] != "" && at >= one.Data[keyTo] {
			s.drift(one, at+" is not in its range")
		}
		s.Known[id] = organization
	}
}

// expected says whether a key is one that we write.
func expected(at string) bool {
	switch at {
	case keyShard, keyFrom, keyTo, keyKnown, keyMatch, keyMode, keyUnknown, keyCordon, keyContact,
		keyDeployment, keyProvider:
		return true
	}
	return slices.ContainsFunc([]string{prefixNamespace, prefixAccount, prefixDeclared}, func(prefix string) bool {
		return strings.HasPrefix(at, prefix)
	})
}

// ranges looks for what no shard would judge, and for what two would.
func (s *State) ranges(parameters []core.ConfigMap) {
	byFrom := slices.SortedFunc(slices.Values(parameters), func(a, b core.ConfigMap) int {
		return strings.Compare(a.Data[keyFrom], b.Data[keyFrom])
	})
	end := ""
	for i, one := range byFrom {
		if one.Data[keyFrom] != end || i > 0 && end == "" {
			s.drift(one, fmt.Sprintf("from is %q, and the range before ends at %q", one.Data[keyFrom], end))
		}
		end = one.Data[keyTo]
	}
	if end != "" {
		s.drift(byFrom[len(byFrom)-1], fmt.Sprintf("to is %q, and no range is after it", end))
	}
}
