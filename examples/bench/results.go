package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// results are what is told, and kept.
type results struct {
	Machine   machine   `json:"machine"`
	Date      string    `json:"date"`
	Helm      string    `json:"helm"`      // its version
	Providers int       `json:"providers"` // of reconcile
	Releases  int       `json:"releases"`  // of helm
	Objects   int       `json:"objects"`   // of each release
	Rounds    int       `json:"rounds"`
	Overview  overview  `json:"overview"`
	Sections  []section `json:"sections"`
}

// section is what was measured of one thing that is done.
type section struct {
	Title string `json:"title"`
	Rows  []row  `json:"rows"`
}

// row is one figure: the median over all rounds. Nil is what was not measured.
type row struct {
	What   string   `json:"what"`
	Ours   float64  `json:"ours"`
	Helm   *float64 `json:"helm,omitempty"`
	Ratio  *float64 `json:"ratio,omitempty"`  // helm / ours
	Target *float64 `json:"target,omitempty"` // the contract's: ours should be this at most
}

// The rows of each section.
const (
	cpuRow      = "CPU, s a release"
	requestsRow = "requests a release"
	writesRow   = "writes a release"
	watchesRow  = "watches begun, in all"
	rendersRow  = "workers that rendered, in all"
	wallRow     = "wall, s a release"
	serverRow   = "CPU of the API server, s a release"
	etcdRow     = "writes to etcd a release, whosever"
	largestRow  = "memory of the largest process, MiB"
	sumRow      = "memory of all processes together, MiB"
)

// The sections beside those of the phases.
const (
	idleSection  = "daemon, nothing happens"
	driftSection = "drift, edited by kubectl"
)

// The rows of the daemon's sections.
const (
	idleHourRow   = "CPU, s a release and hour"
	idlePollRow   = "CPU, s a release and minute"
	idleReadsRow  = "reads, in all"
	idleWritesRow = "writes, in all"
	idleWorkerRow = "workers, in all"
	idleLeaseRow  = "requests an hour, for the Lease"
	residentRow   = "memory, MiB"
	ownRow        = "memory without its own program, MiB"
	peakRow       = "memory at most, with its workers, MiB"
	medianRow     = "median, s from edit to repair"
	slowestRow    = "slowest, s from edit to repair"
)

// targets are the figures to reach of contract section 8, by section and row.
func targets(providers int) map[[2]string]float64 {
	out := map[[2]string]float64{
		{string(install), cpuRow}: 0.03, {string(install), requestsRow}: 25,
		{string(change), cpuRow}: 0.04, {string(change), requestsRow}: 20,
		{string(nothing), writesRow}: 0, {string(nothing), rendersRow}: 0,
		{idleSection, idleReadsRow}: 0, {idleSection, idleWritesRow}: 0, {idleSection, idleWorkerRow}: 0,
		{idleSection, idlePollRow}: 0.0003, {idleSection, idleLeaseRow}: 400,
		{driftSection, slowestRow}: 2,
	}
	switch {
	case providers <= 100:
		out[[2]string{idleSection, residentRow}] = 100
	case providers <= 1000:
		out[[2]string{idleSection, residentRow}] = 200
	}
	return out
}

// summarize makes the medians. The first scene is told of in all detail; so is the chart of 40 objects, which is
// the last one where it was measured.
func summarize(s settings, m machine, scenes []measuredScene) results {
	first := scenes[0]
	r := results{
		Machine: m, Date: time.Now().UTC().Format(time.DateOnly), Helm: strings.TrimSpace(first.rounds[0].version),
		Providers: first.providers, Releases: first.releases, Rounds: s.rounds, Objects: first.rounds[0].objects,
		Overview: overviewOf(scenes),
	}
	for _, p := range phases {
		r.Sections = append(r.Sections, section{string(p), phaseRows(p, first.rounds)})
	}
	r.Sections = append(r.Sections, section{idleSection, idleRows(first.rounds)}, section{driftSection, driftRows(first.rounds)})
	goals := targets(first.providers)
	for _, sec := range r.Sections {
		for i := range sec.Rows {
			if goal, there := goals[[2]string{sec.Title, sec.Rows[i].What}]; there {
				sec.Rows[i].Target = &goal
			}
		}
	}
	if last := scenes[len(scenes)-1]; last.wide {
		for _, p := range phases {
			title := fmt.Sprintf("%s, %d objects", p, last.rounds[0].objects)
			r.Sections = append(r.Sections, section{title, phaseRows(p, last.rounds)})
		}
	}
	return r
}

// figure is how a row comes out of a cost.
type figure struct {
	what string
	of   func(cost) float64
	ours bool // helm has none
}

// figures are the rows of a phase.
var figures = []figure{
	{what: cpuRow, of: cost.cpu},
	{what: wallRow, of: func(c cost) float64 { return c.perRelease(c.usage.Wall.Seconds()) }},
	{what: requestsRow, of: func(c cost) float64 { return c.perRelease(float64(c.requests.all())) }},
	{what: writesRow, of: func(c cost) float64 { return c.perRelease(float64(c.requests.Writes)) }},
	{what: watchesRow, of: func(c cost) float64 { return float64(c.requests.Watches) }},
	{what: rendersRow, of: func(c cost) float64 { return float64(c.usage.Renders) }, ours: true},
	{what: serverRow, of: func(c cost) float64 { return c.perRelease(c.server.CPU.Seconds()) }},
	{what: etcdRow, of: func(c cost) float64 { return c.perRelease(c.server.Writes) }},
	{what: largestRow, of: func(c cost) float64 { return mebibytes(c.usage.Largest) }},
	{what: sumRow, of: func(c cost) float64 { return mebibytes(c.usage.Sum) }},
}

func phaseRows(p phase, rounds []round) []row {
	var out []row
	for _, f := range figures {
		r := row{What: f.what, Ours: median(rounds, func(r round) float64 { return f.of(r.ours[p]) })}
		if !f.ours {
			helm := median(rounds, func(r round) float64 { return f.of(r.helm[p]) })
			r.Helm = &helm
			if ratio := helm / r.Ours; r.Ours > 0 {
				r.Ratio = &ratio
			}
		}
		out = append(out, r)
	}
	return out
}

func idleRows(rounds []round) []row {
	of := func(what string, f func(idle) float64) row {
		return row{What: what, Ours: median(rounds, func(r round) float64 { return f(r.idle) })}
	}
	return []row{
		of(idlePollRow, func(i idle) float64 { return i.cpuInAnHour() / 60 }),
		of(idleHourRow, idle.cpuInAnHour),
		of(idleReadsRow, func(i idle) float64 { return float64(i.requests.Reads) }),
		of(idleWritesRow, func(i idle) float64 { return float64(i.requests.Writes) }),
		of(idleWorkerRow, func(i idle) float64 { return float64(i.workers) }),
		of(idleLeaseRow, func(i idle) float64 { return float64(i.requests.Leases) * i.inAnHour() }),
		of(residentRow, func(i idle) float64 { return mebibytes(i.resident) }),
		of(ownRow, func(i idle) float64 { return mebibytes(i.own) }),
		of(peakRow, func(i idle) float64 { return mebibytes(i.peak) }),
	}
}

// cpuInAnHour is in seconds, for each release.
func (i idle) cpuInAnHour() float64 { return i.cpu.Seconds() * i.inAnHour() / float64(i.releases) }

// inAnHour is how many times the time that was watched goes into an hour.
func (i idle) inAnHour() float64 { return float64(time.Hour) / float64(i.lasted) }

func driftRows(rounds []round) []row {
	var all []time.Duration
	for _, r := range rounds {
		all = append(all, r.drift...)
	}
	seconds := func(d time.Duration) float64 { return d.Seconds() }
	return []row{
		{What: medianRow, Ours: median(all, seconds)},
		{What: slowestRow, Ours: slowest(all).Seconds()},
	}
}

// median is the middle of what f finds in each; of an even number, the mean of the two in the middle.
func median[T any](from []T, f func(T) float64) float64 {
	var all []float64
	for _, v := range from {
		all = append(all, f(v))
	}
	slices.SortFunc(all, cmp.Compare[float64])
	middle := len(all) / 2
	if len(all)%2 == 1 {
		return all[middle]
	}
	return (all[middle-1] + all[middle]) / 2
}

func mebibytes(bytes int64) float64 { return float64(bytes) / (1 << 20) }
