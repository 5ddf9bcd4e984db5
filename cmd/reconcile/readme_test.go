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
)

// pages are those that people read.
func pages(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, pattern := range []string{"README.md", "docs/*.md", "docs/*/*.md", "examples/*/README.md", ".ci/*/README.md"} {
		found, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range found {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			out[path] = string(text)
		}
	}
	return out
}

// TestPagesNameWhatIsThere looks at the links of all pages, and at the flags that they name. What the README shows of
// the program at work is compared in examples/demo.
func TestPagesNameWhatIsThere(t *testing.T) {
	t.Parallel()
	command, everything := newRoot(&streams{}), pages(t)
	for path, all := range everything {
		text := regexp.MustCompile("(?s)```.*?```").ReplaceAllString(all, "")
		for _, link := range regexp.MustCompile(`\]\(([^)#:]*)#?([^)#:]*)\)`).FindAllStringSubmatch(text, -1) {
			to := path
			if link[1] != "" {
				to = filepath.Join(filepath.Dir(path), link[1])
			}
			if _, err := os.Stat(to); err != nil {
				t.Errorf("%s: link: %v", path, err)
			}
			if link[2] != "" && !slices.Contains(headings(everything[to]), link[2]) {
				t.Errorf("%s: there is no heading %s in %s", path, link[2], to)
			}
		}
		if filepath.Base(filepath.Dir(filepath.Dir(path))) == "examples" {
			continue // which name flags of their own
		}
		for _, code := range regexp.MustCompile("`[^`]*`").FindAllString(text, -1) {
			for _, flag := range regexp.MustCompile(`--[a-z-]+`).FindAllString(code, -1) {
				name := strings.TrimPrefix(flag, "--")
				if !known(command, name) && !others.MatchString(code) {
					t.Errorf("%s: %s: there is no flag %s", path, code, flag)
				}
			}
		}
	}
}

// headings are those of a page, as links name them.
func headings(text string) (out []string) {
	for _, found := range regexp.MustCompile(`(?m)^#+ (.*)$`).FindAllStringSubmatch(text, -1) {
		name := regexp.MustCompile(`[^-a-z0-9 ]`).ReplaceAllString(strings.ToLower(found[1]), "")
		out = append(out, strings.ReplaceAll(name, " ", "-"))
	}
	return out
}

// others are programs whose flags are not ours.
var others = regexp.MustCompile("^`(localkube|helm|flux|argocd|kubectl|sha256sum) |^`--set\\b")

// TestCommandsThatAreShown reads every call of the program that a page shows as the program would.
func TestCommandsThatAreShown(t *testing.T) {
	t.Parallel()
	calls := 0
	for path, text := range pages(t) {
		for _, block := range regexp.MustCompile("(?s)```(?:console|sh)\n(.*?)```").FindAllStringSubmatch(text, -1) {
			code := strings.ReplaceAll(block[1], "\\\n", " ")
			for _, call := range regexp.MustCompile(`(?m)^ *(?:\$ )?reconcile(?: ([^#\n]*))?(?:#.*)?$`).FindAllStringSubmatch(code, -1) {
				calls++
				line := regexp.MustCompile(` (\||>|&).*`).ReplaceAllString(call[1], "") // what the shell does with it
				if err := understood(line); err != nil {
					t.Errorf("%s: reconcile %s: %v", path, line, err)
				}
			}
		}
	}
	if calls < 20 {
		t.Errorf("%d calls were found", calls)
	}
}

// understood says whether there is such a command, with such flags and so many arguments.
func understood(line string) error {
	var args []string
	for _, word := range regexp.MustCompile(`"[^"]*"|'[^']*'|\S+`).FindAllString(line, -1) {
		args = append(args, strings.Trim(word, `"'`))
	}
	command, rest, err := newRoot(&streams{}).Find(args)
	if err != nil {
		return err
	}
	if err := command.ParseFlags(rest); err != nil {
		return err
	}
	if err := command.ValidateRequiredFlags(); err != nil {
		return err
	}
	return command.ValidateArgs(command.Flags().Args())
}

// known says whether a command or one below it has a flag.
func known(c *cobra.Command, flag string) bool {
	return c.Flags().Lookup(flag) != nil || c.PersistentFlags().Lookup(flag) != nil ||
		slices.ContainsFunc(c.Commands(), func(sub *cobra.Command) bool { return known(sub, flag) })
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
