package charts

import (
	"encoding/json"
	"errors"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"
	"go.uber.org/goleak"

	"github.com/workspace-providers/reconcile/reconcile/worker"
)

// TestMain is the worker too, which renders as the daemon's does.
func TestMain(m *testing.M) {
	worker.Main(map[string]worker.Func{"render": RenderJSON})
	goleak.VerifyTestMain(m)
}

// Every bomb ends in an error or with its process, soon and within the limits.
func TestBombsAreStoppedByTheLimitsOfTheProcess(t *testing.T) {
	info, _ := debug.ReadBuildInfo()
	if testing.Short() || slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"}) {
		t.Skip("needs time, and memory that the race detector takes for itself")
	}
	a, err := txtar.ParseFile("testdata/bombs.txtar")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range a.Files {
		t.Run(f.Name, func(t *testing.T) {
			t.Parallel()
			files := map[string]string{"templates/a.yaml": string(f.Data)}
			if strings.HasPrefix(f.Name, "schema") {
				files = map[string]string{"values.schema.json": string(f.Data),
					"templates/a.yaml": "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}"}
			}
			out := renderInChild(t, mustPack(t, chartFS(files), "chart"))
			t.Logf("%.90q", out)
			if strings.Contains(out, `"objects"`) {
				t.Error("it rendered")
			}
		})
	}
}

// renderInChild returns what the child says, or which limit it met.
func renderInChild(t *testing.T, archive []byte) string {
	t.Helper()
	in, err := json.Marshal(Batch{Charts: map[string][]byte{"x": archive},
		Releases: []BatchRelease{{Chart: "x", Namespace: "coder", Name: "bomb", Values: Values{"t": "{{ tpl .Values.t . }}"}}}})
	if err != nil {
		t.Fatal(err)
	}
	task := worker.Task{Name: "render", Doing: "rendering", CPU: time.Second, Wall: time.Minute}
	out, err := new(worker.Pool).Run(t.Context(), task, in)
	var limit *worker.Error
	switch {
	case err == nil:
		return string(out)
	case !errors.As(err, &limit) || limit.Class == worker.Broken || limit.Class == worker.Time || limit.Class == worker.Busy:
		t.Error(err)
	}
	return err.Error()
}
