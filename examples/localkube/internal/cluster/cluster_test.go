package cluster

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func newCluster(t *testing.T, name string) Cluster {
	t.Helper()
	c, err := New(t.TempDir(), name)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestNamesAreThoseOfDNS(t *testing.T) {
	for name, want := range map[string]bool{
		"eu": true, "eu-1": true, "1": true,
		"": false, "EU": false, "-eu": false, "eu-": false, "a/b": false, "..": false,
		strings.Repeat("a", 64): false,
	} {
		if _, err := New("x", name); (err == nil) != want {
			t.Errorf("New(%q): %v; want valid %v", name, err, want)
		}
	}
}

func TestUsersAreNamesOfFiles(t *testing.T) {
	for user, want := range map[string]bool{
		"alice": true, "alice@example.com": true, "system:serviceaccount:default:x": true,
		"": false, "a/b": false, "..": false, "a b": false, strings.Repeat("a", 64): false,
	} {
		if err := validUser(user); (err == nil) != want {
			t.Errorf("validUser(%q): %v; want valid %v", user, err, want)
		}
	}
}

func TestATakenPortIsNotFreeAndIsNotChosen(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := listener.Addr().(*net.TCPAddr).Port
	if free(port) {
		t.Error("a port that is listened on is free")
	}
	listener.Close()
	if !free(port) {
		t.Error("a port that was closed is not free")
	}
	if chosen, err := choosePort(); err != nil || !free(chosen) {
		t.Errorf("choosePort: %d, %v; want a free one", chosen, err)
	}
}

func TestPrepareKeepsKeysAndPublishesOnce(t *testing.T) {
	c := newCluster(t, "eu")
	s := settings{Port: 23456}
	files := []string{
		"pki/ca.key", "pki/kube-apiserver.crt", "pki/service-account.key", "pki/kwok.kubeconfig",
	}
	var before []string
	for _, port := range []int{23456, 23456, 24567} {
		s.Port = port
		if err := c.prepare(s); err != nil {
			t.Fatal(err)
		}
		var now []string
		for _, file := range files {
			now = append(now, read(t, c.path(file)))
		}
		if before == nil {
			before = now
		}
		for i, file := range files[:3] {
			if now[i] != before[i] {
				t.Errorf("%s changed on port %d", file, port)
			}
		}
		if want := fmt.Sprintf(`server: "https://127.0.0.1:%d"`, port); !strings.Contains(now[3], want) {
			t.Errorf("kwok's kubeconfig has not %s", want)
		}
	}

	if err := c.publish(s); err != nil {
		t.Fatal(err)
	}
	old := time.Now().Add(-time.Hour)
	if err := os.Chtimes(c.Kubeconfig(), old, old); err != nil {
		t.Fatal(err)
	}
	if err := c.publish(s); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(c.Kubeconfig())
	if err != nil || info.Mode().Perm() != 0o600 || time.Since(info.ModTime()) < time.Minute {
		t.Errorf("kubeconfig: %v %v, %v; want 0600 and not written again",
			info.Mode(), info.ModTime(), err)
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func TestAClusterThatIsNotThereIsAnErrorThatSaysWhichAre(t *testing.T) {
	c := newCluster(t, "eu")
	_, err := Existing(c.Dir, "eu")
	if err == nil || !strings.Contains(err.Error(), "there are none") {
		t.Errorf("Existing in an empty directory: %v", err)
	}
	if err := c.prepare(settings{Port: 1}); err != nil {
		t.Fatal(err)
	}
	_, err = Existing(c.Dir, "us")
	if err == nil || !strings.Contains(err.Error(), "there are eu") {
		t.Errorf("Existing of another: %v", err)
	}
	if _, err := Existing(c.Dir, "eu"); err != nil {
		t.Errorf("Existing: %v", err)
	}
}

func TestDownRemovesWhatIsThereAndIsNoErrorTwice(t *testing.T) {
	c := newCluster(t, "eu")
	if err := c.prepare(settings{Port: 1}); err != nil {
		t.Fatal(err)
	}
	if err := c.publish(settings{Port: 1}); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := c.Down(false); err != nil {
			t.Fatal(err)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(c.Dir, "*")); len(left) != 0 {
		t.Errorf("left: %v", left)
	}
	if left, _ := filepath.Glob(filepath.Join(c.Dir, ".*")); len(left) != 0 {
		t.Errorf("left: %v", left)
	}
}

func TestTheEndOfALogIsItsLastLines(t *testing.T) {
	log := filepath.Join(t.TempDir(), "log")
	var all []string
	for i := range 1000 {
		all = append(all, fmt.Sprint("line ", i))
	}
	if err := os.WriteFile(log, []byte(strings.Join(all, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, want := tail(log), strings.Join(all[990:], "\n"); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
