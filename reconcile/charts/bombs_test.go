package charts

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"
	"go.uber.org/goleak"
)

const childVariable = "CHARTS_TEST_RENDER"

func TestMain(m *testing.M) {
	if os.Getenv(childVariable) == "" {
		goleak.VerifyTestMain(m)
		return
	}
	os.Exit(renderWithinLimits())
}

// renderWithinLimits is what a worker does: RenderJSON within limits on memory, stack and time.
func renderWithinLimits() int {
	debug.SetMaxStack(64 << 20)
	for what, limit := range map[int]uint64{syscall.RLIMIT_DATA: 512 << 20, syscall.RLIMIT_CPU: 1} {
		if err := syscall.Setrlimit(what, &syscall.Rlimit{Cur: limit, Max: limit}); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 3
		}
	}
	in, err := io.ReadAll(os.Stdin)
	if err != nil {
		return 3
	}
	out, err := RenderJSON(in)
	if err != nil {
		return 3
	}
	os.Stdout.Write(out)
	return 0
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
			out, rss := renderInChild(t, mustPack(t, chartFS(files), "chart"))
			t.Logf("%d MiB, %.90q", rss>>20, out)
			if strings.Contains(out, `"objects"`) {
				t.Error("it rendered")
			}
			if rss > 900<<20 { // 512 MiB of data, stacks, the program itself, and what the collector is behind with
				t.Errorf("it took %d MiB", rss>>20)
			}
		})
	}
}

// renderInChild returns what the child says, or how it ended, and the memory it took in bytes.
func renderInChild(t *testing.T, archive []byte) (string, int64) {
	t.Helper()
	in, err := json.Marshal(Batch{Charts: map[string][]byte{"x": archive},
		Releases: []BatchRelease{{Chart: "x", Namespace: "coder", Name: "bomb", Values: Values{"t": "{{ tpl .Values.t . }}"}}}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, os.Args[0])
	cmd.Env = append(os.Environ(), childVariable+"=1")
	cmd.Stdin = bytes.NewReader(in)
	out, err := cmd.Output()
	if ctx.Err() != nil {
		t.Error("it did not end")
	}
	if err != nil {
		out = []byte(err.Error())
	}
	return string(out), cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss << 10
}
