package charts

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/Masterminds/semver/v3"
	"go.yaml.in/yaml/v3"
)

// node is one chart of an archive: the chart itself or one nested in it.
type node struct {
	meta metadata
	lock []dependency
}

// metadata is the part of Chart.yaml that is needed before Helm reads it. Only what is declared here is
// decoded, so that a file full of aliases stays as small as it looks.
type metadata struct {
	APIVersion   string       `yaml:"apiVersion"`
	Name         string       `yaml:"name"`
	Version      string       `yaml:"version"`
	Type         string       `yaml:"type"`
	KubeVersion  string       `yaml:"kubeVersion"`
	Dependencies []dependency `yaml:"dependencies"`
}

type dependency struct {
	Name    string `yaml:"name"`
	Version string `yaml:"version"` // exact or a range
}

func (n *node) read(file string, b []byte) error {
	var deps struct {
		Dependencies []dependency `yaml:"dependencies"`
	}
	if file == "Chart.yaml" {
		return n.readChart(b)
	}
	if err := yaml.Unmarshal(b, &deps); err != nil {
		return err
	}
	if strings.HasSuffix(file, ".lock") {
		n.lock = deps.Dependencies
	} else {
		n.meta.Dependencies = append(n.meta.Dependencies, deps.Dependencies...)
	}
	return nil
}

func (n *node) readChart(b []byte) error {
	kept := n.meta.Dependencies // of a requirements.yaml that came first
	if err := yaml.Unmarshal(b, &n.meta); err != nil {
		return err
	}
	n.meta.Dependencies = append(n.meta.Dependencies, kept...)
	switch m := n.meta; {
	case m.APIVersion != "" && m.APIVersion != "v1" && m.APIVersion != "v2":
		return fmt.Errorf("apiVersion %q is not v1 or v2", m.APIVersion)
	case !nameForm.MatchString(m.Name):
		return fmt.Errorf("name %q is not the name of a chart", m.Name)
	case m.Type != "" && m.Type != "application" && m.Type != "library":
		return fmt.Errorf("type %q is not application or library", m.Type)
	}
	if _, err := semver.NewVersion(n.meta.Version); err != nil {
		return fmt.Errorf("version %q is not a semantic version such as 1.2.3", n.meta.Version)
	}
	return nil
}

// checkDependencies finds the charts that are asked for and not there, in the chart and in those nested
// in it. Helm's library installs such a chart without a word, and leaves out one whose version does
// not fit.
func checkDependencies(all map[string]*node) error {
	var faults []string
	for at, n := range all {
		below := children(all, at)
		for _, d := range n.meta.Dependencies {
			if fault := d.missing(below, n.lock); fault != "" {
				faults = append(faults, path.Join(at, "Chart.yaml")+": dependency "+fault)
			}
		}
	}
	if len(faults) == 0 {
		return nil
	}
	slices.Sort(faults)
	return errors.New("chart " + all[""].meta.Name + ": " + strings.Join(faults, "; ") +
		"; run \"helm dependency update\" and commit charts/")
}

// children are the charts directly in the one at the path at.
func children(all map[string]*node, at string) []metadata {
	var out []metadata
	for p, n := range all {
		if p != "" && path.Dir(path.Dir(p)) == path.Join(".", at) {
			out = append(out, n.meta)
		}
	}
	return out
}

// missing says what is wrong with a dependency; empty: nothing.
func (d dependency) missing(there []metadata, lock []dependency) string {
	var other string
	for _, m := range there {
		if m.Name != d.Name {
			continue
		}
		other = m.Version
		if inRange(d.Version, m.Version) {
			return d.unlocked(m, lock)
		}
	}
	if other != "" {
		return fmt.Sprintf("%s %s is wanted, charts/ has %s", d.Name, d.Version, other)
	}
	return fmt.Sprintf("%s %s is not in charts/", d.Name, d.Version)
}

// unlocked says how the chart that is there differs from the lock file.
func (d dependency) unlocked(m metadata, lock []dependency) string {
	var locked []string
	for _, l := range lock {
		if l.Name == d.Name {
			locked = append(locked, l.Version)
		}
	}
	if len(locked) == 0 || slices.Contains(locked, m.Version) {
		return ""
	}
	return fmt.Sprintf("%s is locked to %s, charts/ has %s", d.Name, strings.Join(locked, ", "), m.Version)
}

// inRange says whether a version is in a range, as Helm has it: no version is in a faulty range.
func inRange(wanted, version string) bool {
	v, err := semver.NewVersion(version)
	if err != nil {
		return false
	}
	c, err := semver.NewConstraint(wanted)
	return err == nil && c.Check(v)
}
