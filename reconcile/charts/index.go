package charts

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/Masterminds/semver/v3"
	"go.yaml.in/yaml/v3"
)

// release is one version of a chart in the index of a repository.
type release struct {
	Name    string   `yaml:"name" json:"name"`
	Version string   `yaml:"version" json:"version"`
	Digest  string   `yaml:"digest" json:"digest"`
	URLs    []string `yaml:"urls" json:"urls"`
}

// parseIndex returns the versions of one chart. An index may have tens of MiB, and a parsed one takes ten
// times as much, so only the lines of that chart are parsed.
func parseIndex(index []byte, name string) ([]release, error) {
	if bytes.HasPrefix(bytes.TrimSpace(index), []byte("{")) {
		return parseJSONIndex(index, name)
	}
	block := entry(index, name)
	if block == nil {
		return nil, nil
	}
	var out map[string][]release
	if err := yaml.Unmarshal(block, &out); err != nil {
		return nil, fmt.Errorf("index.yaml: entry %s: %w", name, err)
	}
	return out[name], nil
}

func parseJSONIndex(index []byte, name string) ([]release, error) {
	var all struct {
		Entries map[string]json.RawMessage `json:"entries"`
	}
	if err := json.Unmarshal(index, &all); err != nil {
		return nil, fmt.Errorf("index.yaml: %w", err)
	}
	if all.Entries[name] == nil {
		return nil, nil
	}
	var out []release
	if err := json.Unmarshal(all.Entries[name], &out); err != nil {
		return nil, fmt.Errorf("index.yaml: entry %s: %w", name, err)
	}
	return out, nil
}

// entry cuts the lines of one chart out of an index, its name included.
func entry(index []byte, name string) []byte {
	all := entries(index)
	start, indent, at := -1, -1, 0
	for line := range bytes.Lines(all) {
		here := at
		at += len(line)
		text := bytes.TrimLeft(line, " ")
		if isBlank(text) || text[0] == '-' { // a list may start as far left as the key above it
			continue
		}
		if indent < 0 {
			indent = len(line) - len(text) // of the first key, and so of all
		}
		if len(line)-len(text) != indent {
			continue
		}
		if start >= 0 {
			return all[start:here]
		}
		if key, _, ok := bytes.Cut(text, []byte(":")); ok && string(bytes.Trim(key, `"'`)) == name {
			start = here
		}
	}
	if start < 0 {
		return nil
	}
	return all[start:]
}

// entries are the lines below the key "entries".
func entries(index []byte) []byte {
	start, at := -1, 0
	for line := range bytes.Lines(index) {
		here := at
		at += len(line)
		switch {
		case line[0] == ' ' || isBlank(line):
		case start >= 0:
			return index[start:here]
		case string(bytes.TrimSpace(line)) == "entries:":
			start = at
		}
	}
	if start < 0 {
		return nil
	}
	return index[start:]
}

func isBlank(line []byte) bool {
	line = bytes.TrimSpace(line)
	return len(line) == 0 || line[0] == '#'
}

// newest picks, of all versions there are, the one that is wanted: exactly that one, or the newest in a
// range. Without a wish it is the newest that is no prerelease.
func newest(wanted string, versions []string) (string, error) {
	if wanted != "" && slices.Contains(versions, wanted) {
		return wanted, nil
	}
	c, err := semver.NewConstraint(cmp.Or(wanted, "*"))
	if err != nil {
		return "", fmt.Errorf("version %q is neither a version nor a range: %w", wanted, err)
	}
	var best *semver.Version
	for _, s := range versions {
		v, err := semver.NewVersion(s)
		if err == nil && c.Check(v) && (best == nil || newer(v, best)) {
			best = v
		}
	}
	if best == nil {
		return "", errors.New("no such version; " + some(versions))
	}
	return best.Original(), nil
}

// newer orders versions; of those that differ in their build alone, the order of the letters decides.
func newer(a, b *semver.Version) bool {
	return cmp.Or(a.Compare(b), strings.Compare(b.Original(), a.Original())) > 0
}

// exact says whether a wanted version is one version and no range.
func exact(wanted string) bool {
	_, err := semver.StrictNewVersion(strings.TrimPrefix(wanted, "v"))
	return err == nil
}

// some names the newest of the versions there are.
func some(versions []string) string {
	if len(versions) == 0 {
		return "there is none at all: see that the name is right"
	}
	var known []*semver.Version
	for _, s := range versions {
		if v, err := semver.NewVersion(s); err == nil {
			known = append(known, v)
		}
	}
	slices.SortFunc(known, func(a, b *semver.Version) int { return b.Compare(a) })
	var names []string
	for _, v := range known[:min(len(known), 5)] {
		names = append(names, v.Original())
	}
	return "the newest there are: " + strings.Join(names, ", ")
}
