package main

import (
	"bufio"
	"bytes"
	"strings"
	"testing"
)

// Where somebody sits at the terminal he is asked for what is missing, and for that alone; elsewhere it is named.
func TestQuestions(t *testing.T) {
	var asked bytes.Buffer
	io := &streams{err: &asked}
	q := &asker{bufio.NewScanner(strings.NewReader(" frankfurt \n\n"))}
	name, cluster, given := "", "", "eu"
	missing := q.ask(io, &name, "name of the provider", "PROVIDER")
	missing = append(missing, q.ask(io, &given, "cluster", "--cluster")...)
	if len(missing) > 0 || name != "frankfurt" || given != "eu" || asked.String() != "name of the provider: " {
		t.Errorf("missing %v, name %q, cluster %q, asked %q", missing, name, given, asked.String())
	}
	if missing := q.ask(io, &cluster, "cluster", "--cluster"); len(missing) != 1 || missing[0] != "--cluster" {
		t.Errorf("an empty answer: missing %v", missing)
	}
	q = nil
	if missing := q.ask(io, &cluster, "cluster", "--cluster"); len(missing) != 1 {
		t.Errorf("with nobody there: missing %v", missing)
	}
}
