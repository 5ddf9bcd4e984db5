package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// TestTheReadmeNamesWhatIsThere looks at its flags. What it shows of the program at work is compared
// in examples/demo.
func TestTheReadmeNamesWhatIsThere(t *testing.T) {
	t.Parallel()
	all, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	text := regexp.MustCompile("(?s)```.*?```").ReplaceAllString(string(all), "")
	command := newRoot(&streams{})
	for _, code := range regexp.MustCompile("`[^`]*`").FindAllString(text, -1) {
		for _, flag := range regexp.MustCompile(`--[a-z-]+`).FindAllString(code, -1) {
			name := strings.TrimPrefix(flag, "--")
			if !known(command, name) && !strings.HasPrefix(code, "`localkube ") {
				t.Errorf("%s: there is no flag %s", code, flag)
			}
		}
	}
}

// TestLinksLeadSomewhere looks at the files that pages for people link to.
func TestLinksLeadSomewhere(t *testing.T) {
	t.Parallel()
	for _, page := range []string{"README.md", "docs/install.md", "examples/install/README.md", ".ci/release/README.md"} {
		text, err := os.ReadFile(filepath.Join(root, page))
		if err != nil {
			t.Fatal(err)
		}
		for _, link := range regexp.MustCompile(`\]\(([^)#:]+)(#[^)]*)?\)`).FindAllStringSubmatch(string(text), -1) {
			if _, err := os.Stat(filepath.Join(root, filepath.Dir(page), link[1])); err != nil {
				t.Errorf("%s: %v", page, err)
			}
		}
	}
}

// known says whether a command or one below it has a flag.
func known(c *cobra.Command, flag string) bool {
	return c.Flags().Lookup(flag) != nil || c.PersistentFlags().Lookup(flag) != nil ||
		slices.ContainsFunc(c.Commands(), func(sub *cobra.Command) bool { return known(sub, flag) })
}
