package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"

	"github.com/workspace-providers/reconcile/reconcile/account"
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

// TestTheRightsInTheReadmeAreThoseOfAnAccount: what bootstrap gives is what is written there.
func TestTheRightsInTheReadmeAreThoseOfAnAccount(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), "```yaml\n"+account.Rights+"```") {
		t.Error("the README lists other rights than reconcile/account/rights.yaml")
	}
}

// TestWhatTheReadmeShowsOfCommands runs the console blocks below "Declarations by command", which need no cluster.
func TestWhatTheReadmeShowsOfCommands(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(text), "\n## Declarations by command\n")
	section, _, _ = strings.Cut(section, "\n## ")
	blocks := regexp.MustCompile("(?s)```console\n(.*?)```").FindAllStringSubmatch(section, -1)
	if len(blocks) == 0 {
		t.Fatal("the section shows nothing")
	}
	dir, path := t.TempDir(), filepath.Dir(program(t))
	for _, block := range blocks {
		for _, exchange := range strings.Split("\n"+block[1], "\n$ ")[1:] {
			command, want, _ := strings.Cut(strings.TrimSuffix(exchange, "\n"), "\n")
			cmd := exec.Command("sh", "-c", "exec 2>&1; "+command)
			cmd.Dir, cmd.Env = dir, append(os.Environ(), "PATH="+path+string(os.PathListSeparator)+os.Getenv("PATH"))
			out, _ := cmd.Output() // a command may fail: what it says is compared
			if diff := cmp.Diff(want, strings.TrimSuffix(string(out), "\n")); diff != "" {
				t.Errorf("$ %s\n%s", command, diff)
			}
		}
	}
}
