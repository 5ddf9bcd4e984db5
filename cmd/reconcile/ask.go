package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"
)

// asker puts questions to whoever sits at the terminal, where somebody does, and remembers what nobody answered.
type asker struct {
	out     io.Writer
	in      *bufio.Scanner // nil: nobody is there
	missing []string       // how else to say what nobody answered
	err     error          // he wants no more of it
}

func questions(streams *streams) *asker {
	q := &asker{out: streams.err}
	if f, is := streams.in.(*os.File); is && term.IsTerminal(int(f.Fd())) {
		q.in = bufio.NewScanner(io.LimitReader(f, 1<<20))
	}
	return q
}

// ask fills in what is not known and is needed; flag is how else to say it.
func (q *asker) ask(ctx context.Context, answer *string, question, flag string) {
	q.may(ctx, answer, question)
	if *answer == "" {
		q.missing = append(q.missing, flag)
	}
}

// may fills in what is not known and may stay empty.
func (q *asker) may(ctx context.Context, answer *string, question string) {
	if *answer == "" {
		*answer = q.line(ctx, question+": ")
	}
}

// list fills in names that are not known and may stay none.
func (q *asker) list(ctx context.Context, answer *[]string, question string) {
	if len(*answer) == 0 {
		*answer = strings.FieldsFunc(q.line(ctx, question+": "), func(r rune) bool { return r == ',' || r == ' ' })
	}
}

// line is what is answered; empty where nobody is there, or is there any more. A read from a terminal ends with a line,
// so that it does not end when ctx does, and is left behind then.
func (q *asker) line(ctx context.Context, prompt string) string {
	if q.in == nil || q.err != nil {
		return ""
	}
	fmt.Fprint(q.out, prompt)
	answer := make(chan string, 1)
	go func() {
		q.in.Scan()
		answer <- q.in.Text()
	}()
	select {
	case text := <-answer:
		return strings.TrimSpace(text)
	case <-ctx.Done():
		fmt.Fprintln(q.out) // behind the question
		q.err = errors.New("interrupted: nothing is done")
		return ""
	}
}

// done says what a command cannot go on without, or that it is not to.
func (q *asker) done(command string) error {
	if q.err == nil && len(q.missing) > 0 {
		return fmt.Errorf("%s: missing: %s", command, strings.Join(q.missing, "; "))
	}
	return q.err
}
