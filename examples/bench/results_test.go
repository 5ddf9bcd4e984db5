package main

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
)

var update = flag.Bool("update", false, "write testdata anew")

// measured is a round in which reconcile is as good as it must be.
func measured() round {
	mib := int64(1 << 20)
	of := func(releases int, cpu time.Duration, asked requests) cost {
		return cost{releases: releases, requests: asked, usage: usage{
			CPU: time.Duration(releases) * cpu, Wall: time.Duration(releases) * 2 * cpu, Largest: 80 * mib, Sum: 120 * mib,
		}}
	}
	ms := time.Millisecond
	return round{
		objects: 8, version: "v3.22.0\n",
		ours: map[phase]cost{
			install: of(100, 25*ms, requests{Reads: 500, Writes: 1500, Leases: 4, Watches: 10}),
			change:  of(100, 30*ms, requests{Reads: 300, Writes: 700, Leases: 3, Watches: 10}),
			nothing: of(100, 2*ms, requests{Reads: 4, Leases: 3, Watches: 10}),
			plan:    of(100, 2*ms, requests{Reads: 4, Watches: 10}),
		},
		helm: map[phase]cost{
			install: of(20, 500*ms, requests{Reads: 600, Writes: 360}),
			change:  of(20, 850*ms, requests{Reads: 1000, Writes: 100}),
			nothing: of(20, 830*ms, requests{Reads: 800, Writes: 100}),
			plan:    of(20, 700*ms, requests{Reads: 180}),
		},
		idle: idle{
			releases: 100, lasted: 20 * time.Second, cpu: 10 * ms, requests: requests{Leases: 1},
			resident: 90 * mib, own: 30 * mib, peak: 95 * mib,
		},
		daemon: doses{
			pass:   dose{releases: 800, cpu: 80 * ms, objects: 8000},
			change: dose{releases: 100, cpu: 2000 * ms, objects: 1e6, bytes: 1e8, first: 700 * ms, requests: requests{Reads: 100, Writes: 600}},
			more:   dose{releases: 20, cpu: 500 * ms, objects: 5e5, bytes: 4e7, first: 600 * ms, requests: requests{Reads: 100, Writes: 300}},
		},
		drift: []time.Duration{120 * ms, 90 * ms, 400 * ms},
	}
}

// grown is a round with so many times the providers, in which helm took no part.
func grown(times int) round {
	r := measured()
	r.helm = map[phase]cost{}
	for p, c := range r.ours {
		c.releases *= times
		c.usage.CPU *= time.Duration(times)
		c.usage.Wall *= time.Duration(times)
		r.ours[p] = c
	}
	r.idle.resident *= 2
	return r
}

// summary is what is told of rounds.
func summary(rounds ...round) results {
	s := settings{providers: 100, releases: 20, rounds: len(rounds)}
	m := machine{CPU: "a fast one", Cores: 2, System: "linux/amd64", Load: "0.10 0.20 0.30"}
	r := summarize(s, m, []measuredScene{{scene{providers: 100, clusters: 1, releases: 20}, rounds},
		{scene{providers: 1000, clusters: 1}, []round{grown(10)}}, {scene{providers: 100, clusters: 50}, []round{grown(1)}}})
	r.Date = "2026-11-23"
	return r
}

func TestResultsAreTables(t *testing.T) {
	r := summary(measured())
	var said bytes.Buffer
	if err := check(r, &said); err != nil {
		t.Errorf("check: %v", err)
	}
	providers, clusters := r.Overview.plots()
	have := &txtar.Archive{Files: []txtar.File{
		{Name: "text", Data: []byte(r.text())},
		{Name: "page", Data: []byte(r.page(providers, clusters))},
		{Name: "providers.svg", Data: []byte(svg("growth", providers))},
		{Name: "check", Data: said.Bytes()},
	}}
	name := filepath.Join("testdata", "results.txtar")
	if *update {
		if err := os.WriteFile(name, txtar.Format(have), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(txtar.Format(have))); diff != "" {
		t.Errorf("want - have +\n%s", diff)
	}
}

func TestFigureIsTheMedianOfAllRounds(t *testing.T) {
	slow, slower := measured(), measured()
	for r, cpu := range map[*round]time.Duration{&slow: 4 * time.Second, &slower: 9 * time.Second} {
		c := r.ours[install]
		c.usage.CPU = cpu
		r.ours[install] = c
	}
	have, _ := summary(slower, measured(), slow).row(string(install), cpuRow)
	if want := 0.04; have.Ours != want {
		t.Errorf("CPU of an install: %v, want %v", have.Ours, want)
	}
}

func TestCheckFailsWhereARuleIsBroken(t *testing.T) {
	for name, spoil := range map[string]func(*round){
		"install, CPU":                         func(r *round) { spoil(r.ours, install, func(c *cost) { c.usage.CPU *= 3 }) },
		"install, requests":                    func(r *round) { spoil(r.ours, install, func(c *cost) { c.requests.Reads = 1100 }) },
		"change of one value, CPU":             func(r *round) { spoil(r.helm, change, func(c *cost) { c.usage.CPU /= 3 }) },
		"change of one value, requests":        func(r *round) { spoil(r.ours, change, func(c *cost) { c.requests.Writes = 1800 }) },
		"nothing to do, writes":                func(r *round) { spoil(r.ours, nothing, func(c *cost) { c.requests.Writes = 1 }) },
		"nothing to do, workers that":          func(r *round) { spoil(r.ours, nothing, func(c *cost) { c.usage.Renders = 1 }) },
		"plan, nothing changed, writes":        func(r *round) { spoil(r.ours, plan, func(c *cost) { c.requests.Writes = 1 }) },
		"plan, nothing changed, workers":       func(r *round) { spoil(r.ours, plan, func(c *cost) { c.usage.Renders = 1 }) },
		"daemon, nothing happens, reads":       func(r *round) { r.idle.requests.Reads = 1 },
		"daemon, nothing happens, writes":      func(r *round) { r.idle.requests.Writes = 1 },
		"daemon, nothing happens, workers, in": func(r *round) { r.idle.workers = 1 },
	} {
		t.Run(name, func(t *testing.T) {
			r := measured()
			spoil(&r)
			var said bytes.Buffer
			if err := check(summary(r), &said); err == nil {
				t.Error("the check passed")
			}
			var failed []string
			for line := range strings.Lines(said.String()) {
				if strings.HasPrefix(line, "FAIL") {
					failed = append(failed, strings.TrimSpace(strings.TrimPrefix(line, "FAIL")))
				}
			}
			if len(failed) != 1 || !strings.HasPrefix(failed[0], name) {
				t.Errorf("failed: %q, want one line that begins with %q", failed, name)
			}
		})
	}
}

func spoil(of map[phase]cost, p phase, how func(*cost)) {
	c := of[p]
	how(&c)
	of[p] = c
}
