//go:build unix

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// The declarations that are played with.
const (
	declarations = "providers.cue"
	chart        = "examples/charts/workspace-provider"
)

// script says how the demo is played.
type script struct {
	exit  bool          // it ends by itself
	bound time.Duration // for all that the demo itself does
}

var errBound = errors.New("it took too long; give it more with --timeout")

// play plays the demo. It returns when the story is over, or when ctx ends.
func play(ctx context.Context, st *stage, s script) error {
	bounded, cancel := context.WithTimeoutCause(ctx, s.bound, errBound)
	defer cancel()
	fmt.Fprintf(st.out, "Everything happens in %s and is removed at the end.\n", st.dir)
	if err := st.clusters(bounded); err != nil {
		return err
	}
	// The control plane has a namespace; the built-in provider is in it.
	if err := st.show(bounded, "kubectl --kubeconfig ../clusters/built-in.kubeconfig create namespace coder"); err != nil {
		return err
	}
	if err := st.repository(bounded); err != nil {
		return err
	}
	d, err := st.daemon(bounded)
	if err != nil {
		return err
	}
	if err := d.comesTrue(bounded); err != nil {
		return err
	}
	if s.exit {
		return d.change(bounded)
	}
	st.say(yourTurn, st.path(work), st.root, d.url, st.dir)
	return d.stay(ctx)
}

// clusters starts the two clusters.
func (st *stage) clusters(ctx context.Context) error {
	st.say("Two Kubernetes clusters, as processes on this machine")
	p, err := st.start("localkube run built-in eu --clusters clusters --until-stdin-closes")
	if err != nil {
		return err
	}
	begin := time.Now()
	if _, err = p.prints(ctx, "\nready"); err != nil {
		return err
	}
	fmt.Fprintf(st.out, "  they serve after %.0f s\n", time.Since(begin).Seconds())
	return nil
}

// repository makes a bare git repository, and a clone of it with the declarations, which it pushes.
func (st *stage) repository(ctx context.Context) error {
	st.say("A git repository with the declarations: %s, and the chart they name", declarations)
	err := st.show(ctx,
		"git init --quiet --bare -b main ../providers.git",
		"git init --quiet -b main",
		"git remote add origin ../providers.git",
		"git config --add remote.origin.fetch '+refs/notes/*:refs/notes/*'  # commit statuses are git notes here",
		"git config notes.displayRef 'refs/notes/reconcile/*'",
	)
	if err != nil {
		return err
	}
	// What is committed here needs nothing of the user's own configuration.
	_, err = st.output(ctx, "git config user.name Demo && git config user.email demo@example.com && "+
		"git config commit.gpgSign false")
	if err != nil {
		return err
	}
	if err := st.declare(); err != nil {
		return err
	}
	return st.show(ctx,
		"git add .",
		"git commit --quiet -m 'Declare the providers'",
		"git push --quiet -u origin main",
	)
}

// declare copies the root's declarations and the chart that they name into the clone.
func (st *stage) declare() error {
	to := filepath.Join(st.path(work), chart)
	if err := os.MkdirAll(to, 0o755); err != nil {
		return err
	}
	if err := os.CopyFS(to, os.DirFS(filepath.Join(st.root, chart))); err != nil {
		return err
	}
	text, err := os.ReadFile(filepath.Join(st.root, declarations))
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(st.path(work), declarations), text, 0o644)
}

// daemon is reconcile at work.
type daemon struct {
	*process
	*follower
	stage *stage
}

// daemon starts reconcile on the repository.
func (st *stage) daemon(ctx context.Context) (*daemon, error) {
	st.say("The daemon, on that repository and those clusters")
	p, err := st.start("reconcile --repo providers.git --clusters clusters --cache cache --interval 1s --listen 127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	address, err := p.prints(ctx, "msg=listening address=")
	if err != nil {
		return nil, err
	}
	f := &follower{url: "http://" + address, out: st.out, told: map[string]string{}}
	return &daemon{process: p, follower: f, stage: st}, nil
}

// comesTrue waits until the newest commit is Ready, and shows what the commit says then.
func (d *daemon) comesTrue(ctx context.Context) error {
	head, err := d.stage.output(ctx, "git rev-parse HEAD")
	if err != nil {
		return err
	}
	var n news
	err = d.until(ctx, "has made everything Ready", func() (bool, error) {
		var err error
		n, err = d.ask()
		return n.ready(strings.TrimSpace(head)), err
	})
	if err != nil {
		return err
	}
	d.stage.say("What the commit says now")
	err = d.until(ctx, "has written the status on the commit", func() (bool, error) {
		note, err := d.stage.output(ctx, "git fetch --quiet && git log -1")
		return strings.Contains(note, n.context()+" success "), err
	})
	if err != nil {
		return err
	}
	return d.stage.show(ctx, "git fetch --quiet && git log -1")
}

// change pushes a changed value and sees it through, to the cluster itself.
func (d *daemon) change(ctx context.Context) error {
	const from, to = "replicas: 2", "replicas: 3"
	d.stage.say("A change: %s becomes %s", from, to)
	file := filepath.Join(d.stage.path(work), declarations)
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	if !strings.Contains(string(text), from) {
		return fmt.Errorf("%s has no %q to change: adapt the demo to it", declarations, from)
	}
	if err := os.WriteFile(file, []byte(strings.Replace(string(text), from, to, 1)), 0o644); err != nil {
		return err
	}
	err = d.stage.show(ctx, "git diff --unified=0", "git commit --quiet -am 'Three proxies' && git push --quiet")
	if err != nil {
		return err
	}
	if err := d.comesTrue(ctx); err != nil {
		return err
	}
	return d.stage.proxies(ctx, "3")
}

// proxies asks the cluster how many proxies are ready, and whether these are so many.
func (st *stage) proxies(ctx context.Context, want string) error {
	st.say("And what the cluster says")
	const get = "kubectl --kubeconfig ../clusters/eu.kubeconfig -n coder get deployments"
	if err := st.show(ctx, get); err != nil {
		return err
	}
	ready, err := st.output(ctx, get+" -o 'jsonpath={.items[*].status.readyReplicas}'")
	if err == nil && ready != want {
		err = fmt.Errorf("the cluster has %q proxies that are ready, and not %s", ready, want)
	}
	return err
}

// stay tells what happens until ctx ends.
func (d *daemon) stay(ctx context.Context) error {
	err := d.until(ctx, "is ended", func() (bool, error) {
		_, err := d.ask()
		return false, err
	})
	if ctx.Err() != nil {
		return nil // Ctrl-C is how it ends
	}
	return err
}

// yourTurn is for the clone, the repository's root, the page's address and the demo's directory.
const yourTurn = `Your turn. In another terminal:

  cd %[1]s
  export PATH=%[2]s/bin:$PATH KUBECONFIG=$PWD/../clusters/eu.kubeconfig

Change a value, and watch this terminal:
  perl -pi -e 's/replicas: 2/replicas: 3/' providers.cue
  git commit -am 'Three proxies' && git push

Break it: the commit says what is wrong, and what runs goes on as it was:
  perl -pi -e 's/hostname:/hostnme:/' providers.cue
  git commit -am 'A slip' && git push
  git fetch && git log -1

Take it back:
  git revert --no-edit HEAD && git push

Edit by hand: it is put right within seconds:
  kubectl -n coder scale deployment frankfurt-envproxy --replicas 1
  kubectl -n coder get deployment frankfurt-envproxy

Ask why, and look at it with Helm:
  reconcile explain frankfurt --repo ../providers.git --clusters ../clusters
  helm -n coder history frankfurt

What other programs read (providers, plan, metrics):
  %[3]s/

Ctrl-C ends everything and removes %[4]s.
`
