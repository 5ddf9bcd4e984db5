package main

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// curve is how a figure of all releases together grows.
type curve struct {
	title  string
	points []point
}

type point struct {
	x, y float64
	at   string // the scene
}

// curves are the figures whose growth matters, over numbers of providers or of clusters.
func (o overview) curves(along func(scene) (x int, part bool), of func(scene) float64) []curve {
	var out []curve
	for _, l := range o.Lines {
		whole := slices.Contains([]string{planWall, idleMemory, peakMemory}, l.What)
		if !whole && !slices.Contains([]string{installCPU, changeCPU, passCPU}, l.What) {
			continue
		}
		c := curve{title: l.What}
		for i, name := range o.Scenes {
			scenes, err := parseScenes(name)
			if err != nil {
				continue // of the chart of 40 objects
			}
			x, part := along(scenes[0])
			if !part {
				continue
			}
			y := l.Ours[i]
			if !whole {
				y *= of(scenes[0])
			}
			c.points = append(c.points, point{float64(x), y, name})
		}
		slices.SortFunc(c.points, func(a, b point) int { return int(a.x - b.x) })
		if len(c.points) > 1 {
			out = append(out, c)
		}
	}
	return out
}

// plots are the curves over providers, in one cluster, and those over clusters, with as many providers.
func (o overview) plots() (providers, clusters []curve) {
	all := func(s scene) float64 { return float64(s.providers) }
	providers = o.curves(func(s scene) (int, bool) { return s.providers, s.clusters == 1 }, all)
	first, err := parseScenes(o.Scenes[0])
	if err != nil {
		return providers, nil
	}
	clusters = o.curves(func(s scene) (int, bool) { return s.clusters, s.providers == first[0].providers }, all)
	return providers, clusters
}

// linear says how much more the last point is than a straight line through nothing and the first would have it:
// 1 is as much, less is better.
func (c curve) linear() float64 {
	first, last := c.points[0], c.points[len(c.points)-1]
	if first.y == 0 || first.x == 0 {
		return 0
	}
	return (last.y / first.y) / (last.x / first.x)
}

// The measures of one plot, in pixels.
const (
	plotWidth, plotHeight = 300, 200
	plotMargin            = 46
	plotGap               = 24
	plotColumns           = 3
)

// svg draws curves, each by itself, with the straight line that its first point promises.
func svg(title string, curves []curve) string {
	rows := (len(curves) + plotColumns - 1) / plotColumns
	width, height := plotColumns*(plotWidth+plotGap), rows*(plotHeight+plotGap)+40
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" font-family="sans-serif" font-size="11">`+"\n", width, height)
	fmt.Fprintf(&b, `<rect width="%d" height="%d" fill="white"/><text x="10" y="22" font-size="15">%s</text>`+"\n", width, height, title)
	for i, c := range curves {
		x, y := (i%plotColumns)*(plotWidth+plotGap), 40+(i/plotColumns)*(plotHeight+plotGap)
		fmt.Fprintf(&b, `<g transform="translate(%d,%d)">`+"\n%s</g>\n", x, y, c.draw())
	}
	b.WriteString("</svg>\n")
	return b.String()
}

// draw is one plot.
func (c curve) draw() string {
	last := c.points[len(c.points)-1]
	top := c.points[0].y * last.x / c.points[0].x
	for _, p := range c.points {
		top = max(top, p.y)
	}
	inner := func(v, most float64, size int) float64 { return math.Round(v / most * float64(size)) }
	at := func(x, y float64) string {
		return fmt.Sprintf("%.0f,%.0f", plotMargin+inner(x, last.x, plotWidth-plotMargin-10),
			plotHeight-plotMargin/2-inner(y, top, plotHeight-plotMargin))
	}
	var b strings.Builder
	fmt.Fprintf(&b, `<text x="%d" y="10">%s</text>`+"\n", plotMargin, strings.ReplaceAll(whole(c.title), "<", "&lt;"))
	line := func(style string, corners ...string) {
		fmt.Fprintf(&b, `<polyline fill="none" %s points="%s"/>`+"\n", style, strings.Join(corners, " "))
	}
	line(`stroke="#999"`, at(0, top), at(0, 0), at(last.x, 0))
	if slope := c.points[0].y / c.points[0].x; slope > 0 {
		line(`stroke="#bbb" stroke-dasharray="4"`, at(0, 0), at(last.x, slope*last.x))
	}
	var corners []string
	for _, p := range c.points {
		corner := at(p.x, p.y)
		corners = append(corners, corner)
		x, y, _ := strings.Cut(corner, ",")
		fmt.Fprintf(&b, `<circle cx="%s" cy="%s" r="3" fill="#06c"><title>%s: %s</title></circle>`+"\n", x, y, p.at, number(p.y))
		fmt.Fprintf(&b, `<text x="%s" y="%d" text-anchor="middle" fill="#666">%s</text>`+"\n", x, plotHeight-plotMargin/2+14, number(p.x))
	}
	line(`stroke="#06c" stroke-width="2"`, corners...)
	fmt.Fprintf(&b, `<text x="%d" y="24" text-anchor="end" fill="#666">%s</text>`+"\n", plotMargin-4, number(top))
	return b.String()
}

// whole is a title said of all releases together.
func whole(title string) string {
	switch title {
	case installCPU, changeCPU, passCPU:
		return title + " in all"
	}
	return title
}

// growth is what the curves say, as a page.
func growth(over string, curves []curve) string {
	var b strings.Builder
	fmt.Fprintf(&b, "\n| over %s |", over)
	for _, p := range curves[0].points {
		fmt.Fprintf(&b, " %s |", number(p.x))
	}
	fmt.Fprintf(&b, " of what linear growth would be |\n|---|%s--:|\n", strings.Repeat("--:|", len(curves[0].points)))
	for _, c := range curves {
		fmt.Fprintf(&b, "| %s |", whole(c.title))
		for _, p := range c.points {
			fmt.Fprintf(&b, " %s |", number(p.y))
		}
		fmt.Fprintf(&b, " %s |\n", number(c.linear()))
	}
	return b.String()
}
