package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
)

// The gate is what continuous integration asks: has what a release costs become more? It measures little, and
// compares it with the best that was recorded, in bestFile.
//
// Requests and allocations are counts, and are compared as they are. CPU differs from machine to machine, so that it
// is compared as a share of what the helm command line took for the same, on the same machine, in the same run.
// Both get more where the machine is busy, though not evenly, and a run may be unlucky: a figure that is too much is
// measured again, and has only failed when it is too much each time. What really costs more does so each time.

// bestFile keeps the least that was recorded of each figure.
const bestFile = "examples/bench/best.json"

// gateTries is how often a figure may be too much before it has failed.
const gateTries = 3

// gateScene is small, so that it takes a minute: what a program takes to start is as much as a few releases.
var gateScene = scene{providers: 20, clusters: 1, releases: 5}

// How much more than the best a figure may be.
const (
	countSlack = 1.10 // of requests and allocations
	cpuSlack   = 1.25
)

// gated is a figure that must not get worse.
type gated struct {
	what  string
	slack float64
	of    func(round) float64
}

// gates are the figures that must not get worse, for each release.
func gates() []gated {
	share := func(p phase) func(round) float64 {
		return func(r round) float64 { return r.ours[p].cpu() / r.helm[p].cpu() }
	}
	asked := func(p phase) func(round) float64 {
		return func(r round) float64 { return r.ours[p].perRelease(float64(r.ours[p].requests.all())) }
	}
	return []gated{
		{"install, CPU as a share of helm's", cpuSlack, share(install)},
		{"change of one value, CPU as a share of helm's", cpuSlack, share(change)},
		{"nothing to do, CPU as a share of helm's", cpuSlack, share(nothing)},
		{"install, requests", countSlack, asked(install)},
		{"change of one value, requests", countSlack, asked(change)},
		{"one more provider in the daemon, allocated objects", countSlack, func(r round) float64 { return r.daemon.more.perRelease(r.daemon.more.objects) }},
		{"change in the daemon, allocated objects", countSlack, func(r round) float64 { return r.daemon.change.perRelease(r.daemon.change.objects) }},
		{"a pass of the daemon, allocated objects", countSlack, func(r round) float64 { return r.daemon.pass.perRelease(r.daemon.pass.objects) }},
		{"a pass of the daemon, requests", countSlack, func(r round) float64 {
			return float64(r.daemon.pass.requests.Reads + r.daemon.pass.requests.Writes)
		}},
	}
}

// best is the least that was recorded of each figure.
type best map[string]float64

// readBest reads what was recorded; nothing where nothing was.
func readBest(name string) (best, error) {
	text, err := os.ReadFile(name)
	if errors.Is(err, os.ErrNotExist) {
		return best{}, nil
	}
	if err != nil {
		return nil, err
	}
	out := best{}
	return out, json.Unmarshal(text, &out)
}

// write records what is less than before.
func (b best) write(name string, found best) error {
	out := maps.Clone(b)
	for what, v := range found {
		if old, known := b[what]; !known || v < old {
			out[what] = v
		}
	}
	text, err := json.MarshalIndent(out, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(name, append(text, '\n'), 0o644)
}

// allowed is how much a figure may be; false where there is nothing to compare it with.
func (b best) allowed(g gated) (float64, bool) {
	v, known := b[g.what]
	return v * g.slack, known
}

// over are the figures that are more than is allowed.
func (b best) over(found best) []string {
	var out []string
	for _, g := range gates() {
		if most, known := b.allowed(g); known && found[g.what] > most {
			out = append(out, g.what)
		}
	}
	return out
}

// least notes the figures of a round that are less than before.
func (b best) least(r round) {
	for _, g := range gates() {
		if old, known := b[g.what]; !known || g.of(r) < old {
			b[g.what] = g.of(r)
		}
	}
}

// gate measures until everything is allowed, gateTries times at most.
func (s settings) gate(ctx context.Context, out io.Writer) error {
	recorded, err := readBest(bestFile)
	if err != nil {
		return fmt.Errorf("%s: %w", bestFile, err)
	}
	found := best{}
	for try := 1; try == 1 || try <= gateTries && len(recorded.over(found)) > 0; try++ {
		fmt.Fprintf(out, "measuring, %d of %d at most\n", try, gateTries)
		r, err := s.round(ctx, gateScene)
		if err != nil {
			return err
		}
		found.least(r)
	}
	if s.write {
		return recorded.write(bestFile, found)
	}
	return recorded.judge(found, out)
}

// judge says of each figure whether it is allowed, and fails if one is not.
func (b best) judge(found best, out io.Writer) error {
	failed := b.over(found)
	for _, g := range gates() {
		word := "ok"
		if slices.Contains(failed, g.what) {
			word = "FAIL"
		}
		most, known := b.allowed(g)
		limit := "nothing is recorded"
		if known {
			limit = fmt.Sprintf("best %s, at most %s", number(b[g.what]), number(most))
		}
		fmt.Fprintf(out, "%-4s  %s: %s; %s\n", word, g.what, number(found[g.what]), limit)
	}
	if len(failed) > 0 {
		return errors.New("a release costs more than it did; see the lines with FAIL. Where that is meant, " +
			"remove these lines from " + bestFile + " and record them anew with -gate -write")
	}
	return nil
}
