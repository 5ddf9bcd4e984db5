package main

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"slices"
	"strings"
	"testing"
)

// Where somebody sits at the terminal he is asked for what is missing, and for that alone; elsewhere it is named.
func TestQuestions(t *testing.T) {
	var asked bytes.Buffer
	q := &asker{out: &asked, in: bufio.NewScanner(strings.NewReader(" frankfurt \n\nsales, research\n"))}
	name, cluster, given := "", "", "eu"
	var names []string
	q.ask(t.Context(), &name, "name of the provider", "PROVIDER")
	q.ask(t.Context(), &given, "cluster", "--cluster")
	if err := q.done("create"); err != nil || name != "frankfurt" || given != "eu" || asked.String() != "name of the provider: " {
		t.Errorf("%v, name %q, cluster %q, asked %q", err, name, given, asked.String())
	}
	q.ask(t.Context(), &cluster, "cluster", "--cluster")
	q.list(t.Context(), &names, "who")
	if err := q.done("create"); err == nil || err.Error() != "create: missing: --cluster" || !slices.Equal(names, []string{"sales", "research"}) {
		t.Errorf("an empty answer, and a list: %v, %v", err, names)
	}
	q = questions(&streams{in: strings.NewReader("eu\n"), err: &asked})
	q.ask(t.Context(), &cluster, "cluster", "--cluster")
	if err := q.done("create"); err == nil || cluster != "" {
		t.Errorf("with nobody there: %v, %q", err, cluster)
	}
}

// Whoever wants no more of it need not answer, and is asked nothing else.
func TestAQuestionIsInterrupted(t *testing.T) {
	in, never := io.Pipe()
	defer never.Close()
	var asked bytes.Buffer
	q := &asker{out: &asked, in: bufio.NewScanner(in)}
	ctx, interrupt := context.WithCancel(t.Context())
	interrupt()
	name, cluster := "", ""
	q.ask(ctx, &name, "name", "--name")
	q.ask(ctx, &cluster, "cluster", "--cluster")
	if err := q.done("create"); err == nil || err.Error() != "interrupted: nothing is done" || asked.String() != "name: \n" {
		t.Errorf("%v, asked %q", err, asked.String())
	}
}
