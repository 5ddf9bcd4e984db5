package main

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"
)

// recorded is the best there was, if it was as a round is.
func recorded(r round) best {
	b := best{}
	b.least(r)
	return b
}

func TestGateFailsWhereAReleaseCostsMore(t *testing.T) {
	for what, spoil := range map[string]func(*round){
		"":                                  func(*round) {},
		"install, CPU as a share of helm's": func(r *round) { spoil(r.ours, install, func(c *cost) { c.usage.CPU = c.usage.CPU * 13 / 10 }) },
		"install, requests":                 func(r *round) { spoil(r.ours, install, func(c *cost) { c.requests.Reads += c.requests.all() / 8 }) },
		"change in the daemon, allocated objects": func(r *round) { r.daemon.change.objects *= 1.2 },
		"a pass of the daemon, requests":          func(r *round) { r.daemon.pass.requests.Reads = 1 },
	} {
		worse := measured()
		spoil(&worse)
		var said bytes.Buffer
		err := recorded(measured()).judge(recorded(worse), &said)
		if (err != nil) != (what != "") || what != "" && !strings.Contains(said.String(), "FAIL  "+what) {
			t.Errorf("%s costs more: %v\n%s", what, err, &said)
		}
	}
}

// A machine that is busy takes more for the same, and so does helm; a figure counts that was once as it should be.
func TestGateTakesTheLeastOfAllTries(t *testing.T) {
	unlucky, lucky := measured(), measured()
	spoil(unlucky.ours, change, func(c *cost) { c.usage.CPU *= 2 })
	spoil(lucky.ours, install, func(c *cost) { c.usage.CPU *= 2 })
	found := recorded(unlucky)
	found.least(lucky)
	if over := recorded(measured()).over(found); len(over) > 0 {
		t.Errorf("it fails for %q", over)
	}
}

func TestOnlyWhatIsBetterIsRecorded(t *testing.T) {
	name := filepath.Join(t.TempDir(), "best.json")
	first, err := readBest(name)
	if err != nil || len(first) > 0 {
		t.Fatalf("%v, %v", first, err)
	}
	for _, found := range []best{{"a": 2, "b": 2}, {"a": 1, "b": 3}} {
		known, err := readBest(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := known.write(name, found); err != nil {
			t.Fatal(err)
		}
	}
	if have, err := readBest(name); err != nil || have["a"] != 1 || have["b"] != 2 {
		t.Errorf("%v, %v, want the least of each", have, err)
	}
}
