package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestTheCommandsPageIsFresh(t *testing.T) {
	path := filepath.Join(root, "docs", "commands.md")
	got := commandsDoc()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s is stale; make doc writes it:\n%s", path, diff)
	}
}

// Every command says what it is for and shows how it is used.
func TestEveryCommandHasAnExample(t *testing.T) {
	for _, c := range allCommands(newRoot(&streams{})) {
		if c.Short == "" || c.Runnable() && !c.HasSubCommands() && c.Example == "" && c.Name() != "version" {
			t.Errorf("%s lacks a short text or an example", c.CommandPath())
		}
	}
}
