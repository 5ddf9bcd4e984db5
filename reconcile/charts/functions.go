package charts

import (
	"maps"
	"path"
	"slices"
	"strings"
	"text/template/parse"

	"helm.sh/helm/v3/pkg/chart"
)

// functions is what the templates of a chart call.
type functions struct {
	certain []string // "randAlphaNum in templates/secret.yaml", sorted
	unsure  bool     // only rendering twice can tell
}

// template is what one file of templates calls, by the name of each definition in it; the file itself is "".
type template map[string]*block

// block is the calls of one definition.
type block struct {
	unstable  map[string]bool
	templates map[string]bool // that it includes
	anyOther  bool            // includes one whose name is computed
	unsure    bool            // tpl, and functions that give a map's keys in no order
}

// functions reads the templates that can be reached from those that are rendered. What a library defines
// and nobody includes does not count. Values count as templates where the chart may execute them.
func (p *prepared) functions(ch *chart.Chart, values Values) functions {
	w := walker{defined: map[string][]definition{}, calls: map[string]bool{}, done: map[*block]bool{}}
	w.collect(p, ch)
	for _, start := range w.starts {
		w.walk(start.block, start.file)
	}
	if w.unsure {
		w.values(map[string]any(values))
		w.defaults(ch)
	}
	return functions{certain: slices.Sorted(maps.Keys(w.calls)), unsure: w.unsure}
}

type definition struct {
	file  string
	block *block
}

// walker follows includes.
type walker struct {
	starts  []definition
	defined map[string][]definition
	calls   map[string]bool
	unsure  bool
	done    map[*block]bool
}

// collect reads the templates of a chart and of those in it.
func (w *walker) collect(p *prepared, ch *chart.Chart) {
	for _, f := range ch.Templates {
		text := string(f.Data)
		t, known := p.templates[text]
		if !known {
			t = readTemplate(text)
			p.templates[text] = t
		}
		name := path.Join(ch.ChartFullPath(), f.Name)
		for defined, b := range t {
			if defined != "" {
				w.defined[defined] = append(w.defined[defined], definition{name, b})
			}
		}
		if b := t[""]; b != nil && rendered(ch, name) {
			w.starts = append(w.starts, definition{name, b})
			w.defined[name] = append(w.defined[name], definition{name, b})
		}
	}
	for _, sub := range ch.Dependencies() {
		w.collect(p, sub)
	}
}

// rendered says whether Helm renders a template for itself, and not only where it is included.
func rendered(ch *chart.Chart, name string) bool {
	return !strings.HasPrefix(path.Base(name), "_") && !strings.EqualFold(ch.Metadata.Type, "library")
}

func (w *walker) walk(b *block, file string) {
	if w.done[b] {
		return
	}
	w.done[b] = true
	w.unsure = w.unsure || b.unsure
	for call := range b.unstable {
		w.calls[call+" in "+file] = true
	}
	for name, all := range w.defined {
		if !b.anyOther && !b.templates[name] {
			continue
		}
		for _, f := range all {
			w.walk(f.block, f.file)
		}
	}
}

// values looks for templates in values, which tpl executes.
func (w *walker) values(x any) {
	switch x := x.(type) {
	case map[string]any:
		for _, value := range x {
			w.values(value)
		}
	case []any:
		for _, value := range x {
			w.values(value)
		}
	case string:
		if !strings.Contains(x, "{{") {
			return
		}
		for _, b := range readTemplate(x) {
			w.walk(b, "the values")
		}
	}
}

// defaults looks for templates in the values of the charts themselves.
func (w *walker) defaults(ch *chart.Chart) {
	w.values(ch.Values)
	for _, sub := range ch.Dependencies() {
		w.defaults(sub)
	}
}

// readTemplate parses one file. What does not parse has no calls: rendering will say what is wrong.
func readTemplate(text string) template {
	trees := map[string]*parse.Tree{}
	root := parse.New("")
	root.Mode = parse.SkipFuncCheck
	if _, err := root.Parse(text, "", "", trees); err != nil {
		return nil
	}
	out := template{}
	for name, tree := range trees {
		b := &block{unstable: map[string]bool{}, templates: map[string]bool{}}
		b.list(tree.Root)
		out[name] = b
	}
	return out
}

// node adds what a node of the syntax tree calls.
func (b *block) node(n parse.Node) {
	switch n := n.(type) {
	case *parse.ActionNode:
		b.pipe(n.Pipe)
	case *parse.IfNode:
		b.branch(n.BranchNode)
	case *parse.RangeNode:
		b.branch(n.BranchNode)
	case *parse.WithNode:
		b.branch(n.BranchNode)
	case *parse.TemplateNode:
		b.templates[n.Name] = true
		b.pipe(n.Pipe)
	case *parse.PipeNode:
		b.pipe(n)
	case *parse.ChainNode:
		b.node(n.Node)
	case *parse.IdentifierNode:
		b.call(n.Ident)
	}
}

// list, like pipe, may be nil: an if without an else has one.
func (b *block) list(n *parse.ListNode) {
	if n == nil {
		return
	}
	for _, one := range n.Nodes {
		b.node(one)
	}
}

func (b *block) pipe(n *parse.PipeNode) {
	if n == nil {
		return
	}
	for _, c := range n.Cmds {
		b.command(c)
	}
}

func (b *block) branch(n parse.BranchNode) {
	b.pipe(n.Pipe)
	b.list(n.List)
	b.list(n.ElseList)
}

func (b *block) command(c *parse.CommandNode) {
	for _, arg := range c.Args {
		b.node(arg)
	}
	first, ok := c.Args[0].(*parse.IdentifierNode)
	if !ok || first.Ident != "include" {
		return
	}
	if len(c.Args) > 1 {
		if name, ok := c.Args[1].(*parse.StringNode); ok {
			b.templates[name.Text] = true
			return
		}
	}
	b.anyOther = true
}

func (b *block) call(name string) {
	switch {
	case unstable(name):
		b.unstable[name] = true
	case name == "tpl" || name == "keys" || name == "values":
		b.unsure = true
	}
}
