package admission

import (
	"cmp"
	"maps"
	"slices"
	"strings"
)

// shard is a range of what is known.
type shard struct {
	number   int
	from, to string // entries; empty: there is no bound
	known    map[string]string
}

// layout divides what is known into shards, sorted by number. They stay what they were before, but for one
// that has become too large: its upper half goes into a new one. What goes empty is joined to the one below.
// The first number is 0, and its range begins where all do.
func layout(known map[string]string, before map[int]string) []shard {
	keys := slices.Sorted(maps.Keys(known))
	shards := []shard{}
	for _, s := range starts(before) {
		if at, _ := slices.BinarySearch(keys, s.from); s.number == 0 || at < len(keys) && (s.to == "" || keys[at] < s.to) {
			shards = append(shards, s)
		}
	}
	for i := 0; i < len(shards); i++ {
		for {
			part := within(keys, shards, i)
			if weight(part, known) <= shardBytes || len(part) < 2 {
				break
			}
			half := shard{number: free(shards), from: part[len(part)/2]}
			shards = slices.Insert(shards, i+1, half)
		}
	}
	for i := range shards {
		shards[i].known, shards[i].to = map[string]string{}, next(shards, i)
		for _, k := range within(keys, shards, i) {
			shards[i].known[k] = known[k]
		}
	}
	slices.SortFunc(shards, func(a, b shard) int { return cmp.Compare(a.number, b.number) })
	return shards
}

// starts are the ranges as they were, sorted by where they begin, whatever somebody made of them.
func starts(before map[int]string) []shard {
	out := []shard{{}}
	for number, from := range before {
		if number > 0 && from != "" {
			out = append(out, shard{number: number, from: from})
		}
	}
	slices.SortFunc(out, func(a, b shard) int {
		return cmp.Or(cmp.Compare(a.from, b.from), cmp.Compare(a.number, b.number))
	})
	out = slices.CompactFunc(out, func(a, b shard) bool { return a.from == b.from })
	for i := range out {
		out[i].to = next(out, i)
	}
	return out
}

// next is where the range after a shard's begins.
func next(shards []shard, i int) string {
	if i+1 < len(shards) {
		return shards[i+1].from
	}
	return ""
}

// within are the keys of a shard's range.
func within(keys []string, shards []shard, i int) []string {
	low, _ := slices.BinarySearch(keys, shards[i].from)
	high := len(keys)
	if to := next(shards, i); to != "" {
		high, _ = slices.BinarySearch(keys, to)
	}
	return keys[low:high]
}

// weight is how many bytes entries take.
func weight(keys []string, known map[string]string) int {
	sum := 0
	for _, k := range keys {
		sum += len(k) + len(known[k]) + len("=\n")
	}
	return sum
}

// lines are what a shard knows, as text.
func (s shard) lines() string {
	var out strings.Builder
	out.WriteString(heading)
	for _, k := range slices.Sorted(maps.Keys(s.known)) {
		out.WriteString(k + "=" + s.known[k] + "\n")
	}
	return out.String()
}

// free is the smallest number that no shard has.
func free(shards []shard) int {
	for number := 0; ; number++ {
		if !slices.ContainsFunc(shards, func(s shard) bool { return s.number == number }) {
			return number
		}
	}
}
