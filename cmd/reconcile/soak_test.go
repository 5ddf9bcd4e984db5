package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/workspace-providers/reconcile/status"
)

// soakEnv makes the soak as long as it says: RECONCILE_TEST_SOAK=60m.
const soakEnv = "RECONCILE_TEST_SOAK"

const (
	soakShort    = time.Minute
	soakReleases = 20              // in each of two clusters
	soakCommit   = 5 * time.Second // between two commits
	soakEdit     = 5 * time.Second // between two edits by hand; each field's turn comes twice in ten minutes at most
	soakSamples  = 60
)

// soakTime is how long the soak is.
func soakTime(t testing.TB) time.Duration {
	text := os.Getenv(soakEnv)
	if text == "" {
		return soakShort
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		t.Fatalf("%s: %v", soakEnv, err)
	}
	return d
}

// sample is what a daemon uses at one time.
type sample struct {
	heap, resident, goroutines, files, sockets int
}

// soak is a daemon under commits and edits, and what it used meanwhile.
type soak struct {
	*daemon
	debug   string // where its profiles are
	turns   []string
	commits int
	edits   int
	samples []sample
}

// Under a commit every 5 s and edits by hand, what the daemon uses does not grow: memory that is in use, goroutines, and
// open files and connections are in the last third of the time what they were in the first.
func TestSoak(t *testing.T) {
	s := newSite(t, eu, us)
	k := &soak{}
	r := rand.New(rand.NewPCG(seed(t), 0))
	var text strings.Builder
	var names []string
	for _, cluster := range []string{eu, us} {
		for i := range soakReleases {
			name := fmt.Sprintf("%s-%02d", cluster, i)
			names = append(names, name)
			fmt.Fprintf(&text, "providers: %q: cluster: %q\n", name, cluster)
			k.turns = append(k.turns, name+" greeting", name+" limit", name+" replicas")
		}
	}
	r.Shuffle(len(k.turns), func(i, j int) { k.turns[i], k.turns[j] = k.turns[j], k.turns[i] })
	s.declare("providers.cue", text.String())
	s.push()
	k.daemon = s.daemon("--debug-listen", "127.0.0.1:0", "--check-interval", "2m")
	k.findProfiles()
	sha := k.commit(r, names)
	k.ready(sha, names...)
	sha = k.run(r, names)
	k.ready(sha, names...)
	k.until("nothing is left to do", func(doc status.StatusDoc) bool {
		return doc.Summary.Keep >= len(names) && doc.Summary.Hold+doc.Summary.Repair+doc.Summary.Update == 0
	})
	t.Logf("%d commits and %d edits by hand in %s", k.commits, k.edits, soakTime(t))
	k.judge()
}

// run commits and edits for as long as the soak takes, and returns the last commit.
func (k *soak) run(r *rand.Rand, names []string) (sha string) {
	length := soakTime(k)
	commit, edit := time.NewTicker(soakCommit), time.NewTicker(soakEdit)
	defer commit.Stop()
	defer edit.Stop()
	look := time.NewTicker(length / soakSamples)
	defer look.Stop()
	for end := time.After(length); ; {
		select {
		case <-end:
			return sha
		case <-commit.C:
			sha = k.commit(r, names)
		case <-edit.C:
			k.edit()
		case <-look.C:
			k.samples = append(k.samples, k.sample())
		}
	}
}

// commit gives one provider another value.
func (k *soak) commit(r *rand.Rand, names []string) string {
	k.commits++
	k.declare("value.cue", fmt.Sprintf("providers: %q: values: password: \"%d\"", names[r.IntN(len(names))], k.commits))
	return k.push()
}

// edit changes the field whose turn it is.
func (k *soak) edit() {
	name, field, _ := strings.Cut(k.turns[k.edits%len(k.turns)], " ")
	k.edits++
	cluster, _, _ := strings.Cut(name, "-")
	if field == "replicas" {
		k.kubectl(cluster, "scale", "deployment/"+name, "--replicas=2")
		return
	}
	k.kubectl(cluster, "patch", "configmap", name, "--type=merge", "--patch", fmt.Sprintf(`{"data":{%q:"edited %d"}}`, field, k.edits))
}

// findProfiles finds out which of the addresses serves profiles.
func (k *soak) findProfiles() {
	k.Helper()
	k.await("it listens twice", func() (any, bool) { return k.log, strings.Count(k.log.String(), "msg=listening") == 2 })
	pages := k.url
	for _, address := range strings.Split(k.log.String(), "msg=listening address=")[1:] {
		address, _, _ = strings.Cut(address, "\n")
		k.url = "http://" + address
		if code, _ := k.get("/debug/pprof/goroutine?debug=1"); code == 200 {
			k.debug = k.url
		} else {
			pages = k.url
		}
	}
	k.url = pages
}

var (
	heapLine      = regexp.MustCompile(`# HeapAlloc = (\d+)`)
	goroutineLine = regexp.MustCompile(`goroutine profile: total (\d+)`)
	residentLine  = regexp.MustCompile(`VmRSS:\s*(\d+) kB`)
)

// sample is what the daemon uses now, after all that can be forced was freed.
func (k *soak) sample() (out sample) {
	k.Helper()
	at := func(path string, line *regexp.Regexp) int {
		pages := k.url
		k.url = k.debug
		defer func() { k.url = pages }()
		_, body := k.get(path)
		return k.number(body, line)
	}
	out.heap = at("/debug/pprof/heap?gc=1&debug=1", heapLine)
	out.goroutines = at("/debug/pprof/goroutine?debug=1", goroutineLine)
	proc := fmt.Sprintf("/proc/%d", k.cmd.Process.Pid)
	out.resident = k.number(k.read(filepath.Join(proc, "status")), residentLine) << 10
	files, err := os.ReadDir(filepath.Join(proc, "fd"))
	if err != nil {
		k.Fatal(err)
	}
	for _, f := range files {
		to, err := os.Readlink(filepath.Join(proc, "fd", f.Name()))
		switch {
		case err != nil: // it was closed meanwhile
		case strings.HasPrefix(to, "socket:"):
			out.sockets++
		default:
			out.files++
		}
	}
	return out
}

func (k *soak) number(text string, line *regexp.Regexp) int {
	k.Helper()
	found := line.FindStringSubmatch(text)
	if found == nil {
		k.Fatalf("there is no %s in %.300s", line, text)
	}
	n, err := strconv.Atoi(found[1])
	if err != nil {
		k.Fatal(err)
	}
	return n
}

// judge compares the last third of the samples with the first. Both have moments of more and of less work; what leaks
// with every commit shows in the median.
func (k *soak) judge() {
	k.Helper()
	third := len(k.samples) / 3
	if third == 0 {
		k.Fatalf("%d samples are too few", len(k.samples))
	}
	for _, what := range []struct {
		name  string
		of    func(sample) int
		slack int // beside a tenth: what a moment of more work may be
		unit  int
	}{
		{"heap in use, KiB", func(s sample) int { return s.heap }, 4 << 20, 1 << 10},
		{"resident memory, KiB", func(s sample) int { return s.resident }, 32 << 20, 1 << 10},
		{"goroutines", func(s sample) int { return s.goroutines }, 20, 1},
		{"open files", func(s sample) int { return s.files }, 10, 1},
		{"open connections", func(s sample) int { return s.sockets }, 10, 1},
	} {
		var all []int
		for _, s := range k.samples {
			all = append(all, what.of(s))
		}
		first, last := median(all[:third]), median(all[len(all)-third:])
		k.Logf("%s: %d in the first third, %d in the last, %d to %d in all", what.name,
			first/what.unit, last/what.unit, slices.Min(all)/what.unit, slices.Max(all)/what.unit)
		if last > first+first/10+what.slack {
			k.Errorf("%s: it grew", what.name)
		}
	}
}

func median(of []int) int {
	sorted := slices.Sorted(slices.Values(of))
	return sorted[len(sorted)/2]
}
