//go:build unix

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// stage is what the demo plays on: a temporary directory, and the processes that were started in it.
type stage struct {
	root      string // of this repository, where bin/ is
	dir       string // temporary; everything is in it
	out       io.Writer
	processes []*process // in the order in which they were started
}

// newStage makes the temporary directory.
func newStage(root string, out io.Writer) (*stage, error) {
	root, err := filepath.Abs(root)
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(filepath.Join(root, declarations)); err != nil {
		return nil, fmt.Errorf("this is not the repository: %w: start it with make demo, or name it with --root", err)
	}
	dir, err := os.MkdirTemp("", "reconcile-demo-")
	if err != nil {
		return nil, err
	}
	return &stage{root: root, dir: dir, out: out}, os.Mkdir(filepath.Join(dir, work), 0o755)
}

// work is the clone in which declarations are edited.
const work = "work"

// path is a file or directory on the stage.
func (st *stage) path(name string) string { return filepath.Join(st.dir, name) }

// say tells something, after an empty line.
func (st *stage) say(format string, args ...any) { fmt.Fprintf(st.out, "\n"+format+"\n", args...) }

// command makes a command line ready to run in a directory of the stage. It finds the programs in bin/ first,
// and nothing of the user's own configuration.
func (st *stage) command(ctx context.Context, dir, line string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "sh", "-c", line)
	cmd.Dir = st.path(dir)
	cmd.WaitDelay = 5 * time.Second // after it was killed, for what it had started
	cmd.Env = []string{
		"HOME=" + st.dir, "GIT_CONFIG_NOSYSTEM=1",
		"PATH=" + filepath.Join(st.root, "bin") + string(filepath.ListSeparator) + os.Getenv("PATH"),
	}
	for _, entry := range os.Environ() {
		switch name, _, _ := strings.Cut(entry, "="); {
		case name == "HOME" || name == "PATH" || name == "KUBECONFIG":
		case strings.HasPrefix(name, "GIT_") || strings.HasPrefix(name, "XDG_") || strings.HasPrefix(name, "HELM_"):
		default:
			cmd.Env = append(cmd.Env, entry)
		}
	}
	return cmd
}

// show runs command lines in the clone, one after the other, and shows each and what it prints.
func (st *stage) show(ctx context.Context, lines ...string) error {
	for _, line := range lines {
		fmt.Fprintf(st.out, "%s$ %s\n", work, line)
		printed, err := st.output(ctx, line)
		for row := range strings.Lines(printed) {
			fmt.Fprintln(st.out, strings.TrimRight("  "+row, " \n"))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// output runs a command line in the clone, unseen, and returns what it prints.
func (st *stage) output(ctx context.Context, line string) (string, error) {
	cmd := st.command(ctx, work, line)
	var trouble bytes.Buffer
	cmd.Stderr = &trouble
	out, err := cmd.Output()
	if err != nil {
		return string(out), fmt.Errorf("%s: %w: %s", line, err, strings.TrimSpace(trouble.String()))
	}
	return string(out), nil
}

// end ends all processes, the youngest first, and removes the directory.
func (st *stage) end() error {
	st.say("Ending what was started and removing %s", st.dir)
	var err error
	for i := len(st.processes) - 1; i >= 0; i-- {
		err = errors.Join(err, st.processes[i].end())
	}
	return errors.Join(err, os.RemoveAll(st.dir))
}

// showLogs shows how the processes' logs end.
func (st *stage) showLogs() {
	const most = 1500
	for _, p := range st.processes {
		log, err := os.ReadFile(p.log)
		if err == nil && len(log) > 0 {
			st.say("The end of %s:\n%s", p.log, log[max(0, len(log)-most):])
		}
	}
}
