package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"
)

// audit is the cluster's audit log, read from where it was read to before.
type audit struct {
	path   string
	mark   func(ctx context.Context, path string) error // makes a request to this path
	marks  int
	offset int64
}

// event is one request in the log.
type event struct {
	Stage string
	Verb  string
	User  struct{ Username string }
	URI   string `json:"requestURI"`
	On    struct {
		Resource, Subresource, Namespace, Name string
	} `json:"objectRef"`
	Status struct{ Code int } `json:"responseStatus"`
	Begin  time.Time          `json:"requestReceivedTimestamp"`
	End    time.Time          `json:"stageTimestamp"`
}

// writes says whether a request may change something. A review only asks.
func (e event) writes() bool {
	return !strings.HasSuffix(e.URI, "reviews") && !slices.Contains([]string{"get", "list", "watch"}, e.Verb) && !strings.Contains(e.URI, "dryRun=All")
}

// requests are what a user asked of the cluster.
type requests struct {
	Reads, Writes int
	Leases        int // reads and writes of Leases
	Watches       int // begun
}

// all are all requests; a watch is none, since it says at its begin what a list would say, and then nothing.
func (r requests) all() int { return r.Reads + r.Writes + r.Leases }

// next are the events since the last time. It first makes a request and waits until it is logged, so that
// nothing before it is missed.
func (a *audit) next(ctx context.Context) ([]event, error) {
	a.marks++
	mark := fmt.Sprintf("/version?mark=%d", a.marks)
	if err := a.mark(ctx, mark); err != nil {
		return nil, err
	}
	var out []event
	for {
		more, err := a.read()
		if err != nil {
			return nil, err
		}
		for _, e := range more {
			if e.URI == mark {
				return out, nil
			}
			out = append(out, e)
		}
		if err := pause(ctx); err != nil {
			return nil, err
		}
	}
}

// read reads what was added to the log, up to the last whole line.
func (a *audit) read() ([]event, error) {
	f, err := os.Open(a.path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if _, err := f.Seek(a.offset, io.SeekStart); err != nil {
		return nil, err
	}
	var out []event
	for lines := bufio.NewReader(f); ; {
		line, err := lines.ReadBytes('\n')
		if err == io.EOF {
			return out, nil
		}
		if err != nil {
			return nil, err
		}
		a.offset += int64(len(line))
		var e event
		if err := json.Unmarshal(bytes.TrimSpace(line), &e); err != nil {
			return nil, fmt.Errorf("audit log: %w", err)
		}
		out = append(out, e)
	}
}

// count counts what a user asked for. A watch is logged when it begins and when it ends; everything else
// once.
func count(events []event, user string) requests {
	var r requests
	for _, e := range events {
		if e.User.Username != user {
			continue
		}
		switch {
		case e.Verb == "watch":
			if e.Stage == "ResponseStarted" {
				r.Watches++
			}
		case e.Stage != "ResponseComplete":
		case e.On.Resource == "leases":
			r.Leases++
		case e.writes():
			r.Writes++
		default:
			r.Reads++
		}
	}
	return r
}

// pause is between two looks at something that is waited for.
func pause(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(20 * time.Millisecond):
		return nil
	}
}
