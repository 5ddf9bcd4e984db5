package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// chartSource is the chart that everything is measured with, and wideSource what makes it one of 40 objects.
const (
	chartSource = "examples/charts/workspace-provider"
	wideSource  = "examples/bench/wide"
)

// The programs that are used beside reconcile: those in bin, else those on the PATH.
const (
	helm      = "helm"
	kubectl   = "kubectl"
	localkube = "localkube"
)

// program is where a program is.
func program(name string) (string, error) {
	built := filepath.Join("bin", name)
	if _, err := os.Stat(built); err == nil {
		return built, nil
	}
	path, err := exec.LookPath(name)
	if err != nil {
		return "", fmt.Errorf("%w: run `make bench` at the top of the checkout", err)
	}
	return path, nil
}

// clusterName is the one cluster, and the context in its kubeconfigs.
const clusterName = "bench"

// Who acts: both tools, and whoever edits by hand and looks at the outcome.
const (
	ourUser  = "reconcile"
	helmUser = "helm"
	admin    = "admin"
)

// lab is a cluster with everything around it, in a directory that goes with it.
type lab struct {
	scene
	dir      string
	programs map[string]string
	sites    []site
	doors    []*siteDoor
	audit    *audit
	cluster  *exec.Cmd
	hold     io.Closer         // as long as it is open, the cluster runs
	users    map[string]string // kubeconfig files
}

// newLab starts a cluster in which the two tools are administrators, each as a user of its own.
func newLab(ctx context.Context, sc scene) (*lab, error) {
	programs := map[string]string{}
	for _, name := range []string{localkube, helm, kubectl} {
		path, err := program(name)
		if err != nil {
			return nil, err
		}
		programs[name] = path
	}
	dir, err := os.MkdirTemp("", "reconcile-bench-")
	if err != nil {
		return nil, err
	}
	l := &lab{scene: sc, dir: dir, programs: programs, users: map[string]string{}}
	if l.programs[helm], err = l.install(programs[helm]); err == nil {
		err = l.start(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, l.close())
	}
	return l, nil
}

// install copies a program, as somebody who unpacks a release does. A file that has just been linked is mapped into
// memory in larger pieces, which counts for ten megabytes.
func (l *lab) install(program string) (string, error) {
	from, err := os.Open(program)
	if err != nil {
		return "", err
	}
	defer from.Close()
	to, err := os.OpenFile(filepath.Join(l.dir, filepath.Base(program)), os.O_CREATE|os.O_WRONLY, 0o755)
	if err != nil {
		return "", err
	}
	_, err = io.Copy(to, from)
	return to.Name(), errors.Join(err, to.Close())
}

func (l *lab) start(ctx context.Context) error {
	clusters := filepath.Join(l.dir, "clusters")
	// The process outlives ctx: it ends by itself when its input closes, and cleans up.
	l.cluster = exec.Command(l.programs[localkube], "run", clusterName,
		"--audit", "--until-stdin-closes", "--clusters", clusters)
	l.cluster.Stderr = os.Stderr
	in, err := l.cluster.StdinPipe()
	if err != nil {
		return err
	}
	out, err := l.cluster.StdoutPipe()
	if err != nil {
		return err
	}
	if err := l.cluster.Start(); err != nil {
		return fmt.Errorf("starting a cluster: %w", err)
	}
	l.hold = in
	stop := context.AfterFunc(ctx, func() { in.Close() })
	defer stop()
	if err := awaitLine(out, "ready"); err != nil {
		return fmt.Errorf("starting a cluster: %w", err)
	}
	go io.Copy(io.Discard, out)
	l.users[admin] = filepath.Join(clusters, clusterName+".kubeconfig")
	for _, user := range []string{ourUser, helmUser, helmfile} {
		path, err := l.output(ctx, l.programs[localkube], "user", clusterName, user,
			"--group", "system:masters", "--clusters", clusters)
		if err != nil {
			return err
		}
		l.users[user] = strings.TrimSpace(path)
	}
	l.audit = &audit{path: filepath.Join(l.state(), "audit.log"), mark: l.mark}
	return errors.Join(l.makeChart(), l.openSites(ctx))
}

// state is where localkube keeps what it knows of the cluster.
func (l *lab) state() string { return filepath.Join(l.dir, "clusters", ".localkube", clusterName) }

// chart is the chart that both tools install. It lies beside the declarations.
func (l *lab) chart() string { return filepath.Join(l.declared(), "workspace-provider") }

// makeChart puts the chart together.
func (l *lab) makeChart() error {
	err := os.CopyFS(l.chart(), os.DirFS(chartSource))
	if err == nil && l.wide {
		err = os.CopyFS(l.chart(), os.DirFS(wideSource))
	}
	return err
}

// awaitLine reads until a line says what is waited for.
func awaitLine(from io.Reader, line string) error {
	lines := bufio.NewScanner(from)
	for lines.Scan() {
		if lines.Text() == line {
			return nil
		}
	}
	return errors.Join(lines.Err(), errors.New("it ended before it was ready"))
}

// patience is how long the cluster may take to end.
const patience = 30 * time.Second

// close ends the cluster and removes everything.
func (l *lab) close() error {
	var err error
	for _, d := range l.doors {
		d.close()
	}
	if l.hold != nil {
		l.hold.Close()
		kill := time.AfterFunc(patience, func() { l.cluster.Process.Kill() })
		err = l.cluster.Wait()
		kill.Stop()
	}
	return errors.Join(err, os.RemoveAll(l.dir))
}

// command is a program with a home of its own, so that it finds nothing there at first and leaves nothing.
func (l *lab) command(ctx context.Context, name string, args ...string) *exec.Cmd {
	c := exec.CommandContext(ctx, name, args...)
	c.Env = append(os.Environ(), "HOME="+l.dir, "KUBECONFIG=", "XDG_CACHE_HOME=", "XDG_CONFIG_HOME=", "XDG_DATA_HOME=")
	c.Cancel = func() error { return c.Process.Signal(syscall.SIGTERM) }
	c.WaitDelay = patience
	return c
}

// output runs a program and returns what it wrote.
func (l *lab) output(ctx context.Context, name string, args ...string) (string, error) {
	var complaints bytes.Buffer
	c := l.command(ctx, name, args...)
	c.Stderr = &complaints
	out, err := c.Output()
	if err != nil {
		return "", fmt.Errorf("%s %s: %w\n%s", name, args[0], err, complaints.Bytes())
	}
	return string(out), nil
}

// kubectl asks the cluster as its administrator.
func (l *lab) kubectl(ctx context.Context, args ...string) (string, error) {
	return l.output(ctx, l.programs[kubectl], append([]string{"--kubeconfig", l.users[admin]}, args...)...)
}

// helm asks Helm's storage as the cluster's administrator.
func (l *lab) helm(ctx context.Context, args ...string) (string, error) {
	return l.output(ctx, l.programs[helm], append([]string{"--kubeconfig", l.users[admin]}, args...)...)
}

// mark makes a request that the audit log shows.
func (l *lab) mark(ctx context.Context, path string) error {
	_, err := l.kubectl(ctx, "get", "--raw", path)
	return err
}
