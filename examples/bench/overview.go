package main

import (
	"fmt"
	"strings"
	"time"
)

// overview is the table of what was promised: helm once, and reconcile on each scene.
type overview struct {
	Scenes []string `json:"scenes"` // PROVIDERSxCLUSTERS; the last may be the chart of 40 objects
	Lines  []pledge `json:"lines"`
}

// pledge is one promise, and what became of it.
type pledge struct {
	What   string     `json:"what"`
	Helm   *float64   `json:"helm,omitempty"`
	Third  *float64   `json:"helmfile,omitempty"`
	Ours   []float64  `json:"ours"`             // by scene
	Ratio  *float64   `json:"ratio,omitempty"`  // helm / ours, on the first scene
	Target []*float64 `json:"target,omitempty"` // by scene: ours should be this at most
}

// promise is how a line comes out of a round.
type promise struct {
	what  string
	ours  func(round) float64
	helm  func(round) float64         // nil: helm has none
	third func(round) float64         // of helmfile, where there is one
	most  func(scene) (float64, bool) // nil: nothing is promised
}

// upTo promises the same whatever there is.
func upTo(most float64) func(scene) (float64, bool) {
	return func(scene) (float64, bool) { return most, true }
}

// memoryUpTo is what is promised of memory.
func memoryUpTo(s scene) (float64, bool) {
	switch {
	case s.providers <= 100:
		return 100, true
	case s.providers <= 1000:
		return 200, true
	}
	return 0, false
}

// planUpTo is what is promised of a plan.
func planUpTo(s scene) (float64, bool) { return 5, s.providers >= 1000 && s.clusters == 1 }

// ofPhase is a figure of a phase for each release.
func ofPhase(p phase, figure func(cost) float64) promise {
	of := func(c cost) float64 { return c.perRelease(figure(c)) }
	return promise{
		ours:  func(r round) float64 { return of(r.ours[p]) },
		helm:  func(r round) float64 { return of(r.helm[p]) },
		third: func(r round) float64 { return of(r.helmfile[p]) },
	}
}

// named gives a promise its name and its bound.
func (p promise) named(what string, most func(scene) (float64, bool)) promise {
	p.what, p.most = what, most
	return p
}

// alone is a figure that helm has no like of.
func alone(what string, most func(scene) (float64, bool), ours func(round) float64) promise {
	return promise{what: what, ours: ours, most: most}
}

func costCPU(c cost) float64      { return c.usage.CPU.Seconds() }
func costRequests(c cost) float64 { return float64(c.requests.all()) }

// The lines that are looked for by name.
const (
	installCPU = "install, CPU s"
	changeCPU  = "change of one value, CPU s"
	passCPU    = "nothing to do, a pass of the daemon, CPU s"
	planWall   = "plan from a cold start, s in all"
	idleMemory = "memory of the idle daemon, MiB"
	peakMemory = "memory at most, with workers, MiB"
)

// promises are the lines, for each release where they do not say otherwise.
func promises() []promise {
	return []promise{
		ofPhase(install, costCPU).named(installCPU, upTo(0.03)),
		ofPhase(change, costCPU).named(changeCPU, upTo(0.04)),
		{
			what: passCPU, most: upTo(0.0003),
			ours:  func(r round) float64 { return r.daemon.pass.perRelease(r.daemon.pass.cpu.Seconds()) },
			helm:  func(r round) float64 { return r.helm[nothing].cpu() },
			third: func(r round) float64 { return r.helmfile[nothing].cpu() },
		},
		{
			what: "nothing to do, a pass of the daemon, requests", most: upTo(0),
			ours:  func(r round) float64 { return float64(r.daemon.pass.requests.Reads + r.daemon.pass.requests.Writes) },
			helm:  func(r round) float64 { return r.helm[nothing].perRelease(costRequests(r.helm[nothing])) },
			third: func(r round) float64 { return r.helmfile[nothing].perRelease(costRequests(r.helmfile[nothing])) },
		},
		alone("nothing to do, the idle daemon, CPU s a minute", upTo(0.0003), func(r round) float64 { return r.idle.cpuInAnHour() / 60 }),
		ofPhase(install, costRequests).named("install, requests", upTo(25)),
		ofPhase(change, costRequests).named("change of one value, requests", upTo(20)),
		alone("change of one value in the daemon, CPU s", upTo(0.04), func(r round) float64 {
			return r.daemon.change.perRelease(r.daemon.change.cpu.Seconds())
		}),
		alone("declarations on disk to the first write, s", nil, func(r round) float64 { return r.daemon.change.first.Seconds() }),
		alone(planWall, planUpTo, func(r round) float64 { return r.ours[plan].usage.Wall.Seconds() }),
		alone("plan from a cold start, CPU s in all", nil, func(r round) float64 { return r.ours[plan].usage.CPU.Seconds() }),
		alone("drift, the slowest from edit to repair, s", upTo(2), func(r round) float64 { return slowest(r.drift).Seconds() }),
		alone(idleMemory, memoryUpTo, func(r round) float64 { return mebibytes(r.idle.resident) }),
		alone(peakMemory, memoryUpTo, func(r round) float64 {
			return mebibytes(max(r.idle.peak, r.ours[install].usage.Sum, r.ours[change].usage.Sum))
		}),
		ofPhase(install, func(c cost) float64 { return c.server.CPU.Seconds() }).named("install, CPU s of the API server", nil),
		ofPhase(change, func(c cost) float64 { return c.server.CPU.Seconds() }).named("change of one value, CPU s of the API server", nil),
		ofPhase(install, func(c cost) float64 { return c.server.Writes }).named("install, writes to etcd, whosever", nil),
		ofPhase(change, func(c cost) float64 { return c.server.Writes }).named("change of one value, writes to etcd, whosever", nil),
		alone("one more provider in the daemon, KiB allocated", nil, func(r round) float64 {
			return r.daemon.more.perRelease(r.daemon.more.bytes) / 1024
		}),
		alone("change of one value in the daemon, KiB allocated", nil, func(r round) float64 {
			return r.daemon.change.perRelease(r.daemon.change.bytes) / 1024
		}),
	}
}

func slowest(all []time.Duration) time.Duration {
	var most time.Duration
	for _, d := range all {
		most = max(most, d)
	}
	return most
}

// measuredScene is a scene with everything measured on it.
type measuredScene struct {
	scene
	rounds []round
}

// overviewOf lists what was promised. The first scene has helm's figures.
func overviewOf(scenes []measuredScene) overview {
	var o overview
	for _, s := range scenes {
		name := s.scene.String()
		if s.wide {
			name += " of 40 objects"
		}
		o.Scenes = append(o.Scenes, name)
	}
	for _, p := range promises() {
		l := pledge{What: p.what}
		for _, s := range scenes {
			l.Ours = append(l.Ours, median(s.rounds, p.ours))
			l.Target = append(l.Target, nil)
			if p.most == nil {
				continue
			}
			if most, promised := p.most(s.scene); promised && !s.wide && s.clusters == 1 {
				l.Target[len(l.Target)-1] = &most
			}
		}
		o.Lines = append(o.Lines, l.beside(p, scenes[0]))
	}
	return o
}

// beside puts the figures of the other tools beside ours.
func (l pledge) beside(p promise, first measuredScene) pledge {
	if p.helm == nil || first.releases == 0 {
		return l
	}
	helm := median(first.rounds, p.helm)
	l.Helm = &helm
	if ratio := helm / l.Ours[0]; l.Ours[0] > 0 {
		l.Ratio = &ratio
	}
	if p.third != nil && len(first.rounds[0].helmfile) > 0 {
		third := median(first.rounds, p.third)
		l.Third = &third
	}
	return l
}

// cells are the columns of a line: helm's, helmfile's, ours, and the ratio. What is more than was promised is marked.
func (l pledge) cells() []string {
	out := []string{optional(l.Helm), optional(l.Third)}
	for i, v := range l.Ours {
		text := number(v)
		if l.Target[i] != nil && v > *l.Target[i] {
			text += " (!)"
		}
		out = append(out, text)
	}
	return append(out, optional(l.Ratio), l.promised())
}

// promised are the bounds of all scenes, each once.
func (l pledge) promised() string {
	var out []string
	for _, t := range l.Target {
		if t == nil {
			continue
		}
		if text := number(*t); len(out) == 0 || out[len(out)-1] != text {
			out = append(out, text)
		}
	}
	if len(out) == 0 {
		return ""
	}
	return "<= " + strings.Join(out, " / ")
}

func optional(v *float64) string {
	if v == nil {
		return ""
	}
	return number(*v)
}

// head are the titles above the cells.
func (o overview) head() []string {
	out := []string{"helm", helmfile}
	return append(append(out, o.Scenes...), "helm / reconcile", "to reach")
}

// text is the overview for a terminal.
func (o overview) text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%-50s", "for each release, by providers x clusters")
	for _, title := range o.head() {
		fmt.Fprintf(&b, " %16s", title)
	}
	for _, l := range o.Lines {
		fmt.Fprintf(&b, "\n%-50s", l.What)
		for _, cell := range l.cells() {
			fmt.Fprintf(&b, " %16s", cell)
		}
	}
	b.WriteString("\n")
	return b.String()
}

// markdown is the overview as a page.
func (o overview) markdown() string {
	var b strings.Builder
	head := o.head()
	fmt.Fprintf(&b, "| for each release, by providers x clusters | %s |\n|---|%s\n", strings.Join(head, " | "),
		strings.Repeat("--:|", len(head)))
	for _, l := range o.Lines {
		fmt.Fprintf(&b, "| %s | %s |\n", l.What, strings.Join(l.cells(), " | "))
	}
	return b.String()
}
