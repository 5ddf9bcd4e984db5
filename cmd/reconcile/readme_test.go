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

// TestTheReadmeNamesWhatIsThere looks at its links and flags. What it shows of the program at work is compared
// in examples/demo.
func TestTheReadmeNamesWhatIsThere(t *testing.T) {
	t.Parallel()
	all, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	text := regexp.MustCompile("(?s)```.*?```").ReplaceAllString(string(all), "")
	for _, link := range regexp.MustCompile(`\]\(([^)#:]+)\)`).FindAllStringSubmatch(text, -1) {
		if _, err := os.Stat(filepath.Join(root, link[1])); err != nil {
			t.Errorf("link: %v", err)
		}
	}
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

// known says whether a command or one below it has a flag.
func known(c *cobra.Command, flag string) bool {
	return c.Flags().Lookup(flag) != nil || c.PersistentFlags().Lookup(flag) != nil ||
		slices.ContainsFunc(c.Commands(), func(sub *cobra.Command) bool { return known(sub, flag) })
}
