package source

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/workspace-providers/reconcile/reconcile/git"
	"github.com/workspace-providers/reconcile/reconcile/worker"
	"github.com/workspace-providers/reconcile/schema"
)

func TestMain(m *testing.M) {
	worker.Main(Functions())
	os.Exit(m.Run())
}

// files is a tree in memory.
func files(archive string) fstest.MapFS {
	out := fstest.MapFS{}
	for _, f := range txtar.Parse([]byte(archive)).Files {
		out[f.Name] = &fstest.MapFile{Data: f.Data}
	}
	return out
}

// everywhere is what each collection may be written in.
const everywhere = start + `
-- clusters/us.yaml --
us: {region: us-east}
-- organizations/green.json --
{"green": {"displayName": "Green"}}
-- providers/boston.yaml --
boston: {cluster: us, values: {large: 12345678, fine: 0.5}}
-- allowlists/boston.yaml --
boston: {green: true}
-- removed/rome.yaml --
rome: {policy: orphan, reason: moved}
-- beside/more.cue --
nobody's business
`

func TestTheWorkerSeesWhatTheSchemaDoes(t *testing.T) {
	here, err := schema.Load(files(everywhere))
	if err != nil {
		t.Fatal(err)
	}
	there, err := Evaluator(&worker.Pool{})(context.Background(), files(everywhere))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(here, there); diff != "" {
		t.Errorf("-here +there:\n%s", diff)
	}
}

func TestTheWorkerTellsAllMistakes(t *testing.T) {
	tree := files(start + broken + "-- clusters/us.yaml --\nus: {regoin: us-east}\n")
	named, here := schema.Load(tree)
	also, there := Evaluator(&worker.Pool{})(context.Background(), tree)
	if diff := cmp.Diff(here, there); diff != "" || here == nil {
		t.Errorf("-here +there:\n%s", diff)
	}
	if diff := cmp.Diff(named, also); diff != "" || named.Deployment.Name != "acme" {
		t.Errorf("-here +there:\n%s", diff)
	}
}

func TestAnEvaluationWithoutEndIsAMistake(t *testing.T) {
	if testing.Short() {
		t.Skip("takes as long as an evaluation may")
	}
	endless := "-- more.cue --\npackage providers\n\nimport \"list\"\n\n_x: [for i in list.Range(0, 1000000000, 1) {i}]\n"
	began := time.Now()
	_, err := Evaluator(&worker.Pool{})(context.Background(), files(start+endless))
	if !Invalid(err) || time.Since(began) > time.Minute {
		t.Errorf("after %v: %v", time.Since(began), err)
	}
}

func TestAWorkerThatFailsSaysNothingOfTheDeclarations(t *testing.T) {
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	for _, test := range []struct {
		name string
		ctx  context.Context
		pool *worker.Pool
	}{
		{"it cannot be started", context.Background(), &worker.Pool{Exe: "/nowhere"}},
		{"it is another program", context.Background(), &worker.Pool{Exe: "/bin/true"}},
		{"there is no time", ended, &worker.Pool{}},
	} {
		t.Run(test.name, func(t *testing.T) {
			if _, err := Evaluator(test.pool)(test.ctx, files(start)); err == nil || Invalid(err) {
				t.Errorf("error %v", err)
			}
		})
	}
}

func TestWhatIsNotAcceptedInATreeIsAMistake(t *testing.T) {
	r := newRepository(t)
	if err := os.Symlink("/etc/hostname", r.dir+"/link.cue"); err != nil {
		t.Fatal(err)
	}
	r.commit(more(`providers: frankfurt: values: a: "` + strings.Repeat("x", 300<<10) + `"`))
	s := newSource(r.origin())
	s.Evaluate = Evaluator(&worker.Pool{})
	target := latest(s)
	if !errors.Is(target.HeadErr, git.ErrRefused) && !errors.Is(target.HeadErr, git.ErrTooLarge) || target.Commit.SHA != r.git("rev-parse", "HEAD~1") {
		t.Errorf("in force %s, %v", target.Commit.SHA, target.HeadErr)
	}
}

// A bad key is a mistake where it is written, and everybody is told what is wrong with it.
func TestKeysThatCannotSignAreMistakes(t *testing.T) {
	const verify = `
-- verify.cue --
package providers

deployment: verify: {
	openPGP: release: "none"
	allowedSigners: {
		"ops@example.com": "ssh-ed25519 AAAA"
		good: "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f"
	}
}
`
	_, err := Evaluator(&worker.Pool{})(t.Context(), files(start+verify))
	var mistakes schema.Errors
	if !errors.As(err, &mistakes) || len(mistakes) != 2 {
		t.Fatalf("got %v", err)
	}
	for i, want := range []string{
		"verify.cue:4:11: deployment.verify.openPGP.release: found no OpenPGP key",
		`verify.cue:6:3: deployment.verify.allowedSigners."ops@example.com": found no SSH public key`,
	} {
		if !strings.HasPrefix(mistakes[i].Error(), want) {
			t.Errorf("got %v, want %s", mistakes[i], want)
		}
	}
}
