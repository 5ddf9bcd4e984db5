// Package cluster runs Kubernetes control planes as processes of this machine.
//
// A Cluster has a name and a directory of kubeconfig files, DIR. Everything of it is in files, so
// that any later call of this program can go on with it:
//
//	DIR/<name>.kubeconfig             for its administrator; written once it serves
//	DIR/.localkube/<name>.lock        held while somebody changes it
//	DIR/.localkube/<name>/            its home: where its processes run
//	    cluster.json                  its port and options
//	    <component>.pid, .log         one each, see Components
//	    run.pid                       the `localkube run` that it lives and dies with, if there is one
//	    audit.log                     if asked for
//	    <user>.kubeconfig             made by User
//	    pki/                          authority, certificates, the components' kubeconfig files
//	    etcd/                         its data
//
// What is started is found again by process.Record and, failing that, by its mark, the cluster's
// home.
package cluster

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"sort"
	"strings"

	"github.com/workspace-providers/reconcile/examples/localkube/internal/process"
)

// A Cluster is one control plane, running or not.
type Cluster struct {
	Name string
	Dir  string // of kubeconfig files, absolute
}

var validName = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)

// New returns the cluster of that name in the directory, whether it runs or not.
func New(dir, name string) (Cluster, error) {
	if !validName.MatchString(name) {
		return Cluster{}, fmt.Errorf("cluster name %q: must be 1 to 63 of a-z, 0-9 and -, "+
			"with no - at its ends", name)
	}
	dir, err := filepath.Abs(dir)
	return Cluster{Name: name, Dir: dir}, err
}

// Existing returns the cluster of that name, which must have been up.
func Existing(dir, name string) (Cluster, error) {
	c, err := New(dir, name)
	if err != nil {
		return c, err
	}
	_, err = c.existing()
	return c, err
}

// All returns the clusters that have a home in the directory, by name.
func All(dir string) ([]Cluster, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(filepath.Join(dir, state))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var found []Cluster
	for _, entry := range entries {
		if entry.IsDir() && validName.MatchString(entry.Name()) {
			found = append(found, Cluster{Name: entry.Name(), Dir: dir})
		}
	}
	sort.Slice(found, func(i, j int) bool { return found[i].Name < found[j].Name })
	return found, err
}

// state is the directory within DIR that holds the clusters' homes.
const state = ".localkube"

// Kubeconfig returns the path of the administrator's kubeconfig file.
func (c Cluster) Kubeconfig() string { return filepath.Join(c.Dir, c.Name+".kubeconfig") }

// Home returns the directory that holds all else of the cluster.
func (c Cluster) Home() string { return filepath.Join(c.Dir, state, c.Name) }

func (c Cluster) path(elements ...string) string {
	return filepath.Join(append([]string{c.Home()}, elements...)...)
}

// mark is what the cluster's processes carry in their environment.
func (c Cluster) mark() string { return c.Home() + string(filepath.Separator) }

// locked calls while nobody else changes the cluster.
func (c Cluster) locked(call func() error) error {
	if err := os.MkdirAll(filepath.Join(c.Dir, state), 0o700); err != nil {
		return err
	}
	unlock, err := process.Lock(c.lockFile())
	if err != nil {
		return err
	}
	defer unlock()
	return call()
}

func (c Cluster) lockFile() string { return filepath.Join(c.Dir, state, c.Name+".lock") }

// settings are what a cluster keeps of how it was made.
type settings struct {
	Port  int  `json:"port"`
	Audit bool `json:"audit"`
}

// URL returns where the API server listens.
func (s settings) URL() string { return fmt.Sprintf("https://127.0.0.1:%d", s.Port) }

// load returns the cluster's settings. An error that is fs.ErrNotExist means that it was never up.
func (c Cluster) load() (settings, error) {
	var s settings
	raw, err := os.ReadFile(c.path("cluster.json"))
	if err != nil {
		return s, err
	}
	if err := json.Unmarshal(raw, &s); err != nil {
		return s, fmt.Errorf("%s: %w: take the cluster down", c.path("cluster.json"), err)
	}
	return s, nil
}

// existing returns the settings of a cluster that must have been up.
func (c Cluster) existing() (settings, error) {
	s, err := c.load()
	if errors.Is(err, fs.ErrNotExist) {
		return s, fmt.Errorf("no cluster %s in %s: %s", c.Name, c.Dir, c.others())
	}
	return s, err
}

// others says which clusters there are instead.
func (c Cluster) others() string {
	var names []string
	all, _ := All(c.Dir)
	for _, cluster := range all {
		names = append(names, cluster.Name)
	}
	if len(names) == 0 {
		return "there are none, start one with `localkube up`"
	}
	return "there are " + strings.Join(names, ", ")
}

func (c Cluster) store(s settings) error {
	raw, err := json.Marshal(s)
	if err != nil {
		return err
	}
	return process.WriteFile(c.path("cluster.json"), append(raw, '\n'))
}
