package cluster

import (
	"bytes"
	_ "embed"
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"

	"github.com/workspace-providers/reconcile/examples/localkube/internal/pki"
	"github.com/workspace-providers/reconcile/examples/localkube/internal/process"
)

//go:embed stages.yaml
var stagesFile []byte

//go:embed audit.yaml
var auditFile []byte

// admin is who the cluster's kubeconfig file is for.
const admin = "admin"

// prepare makes the files that the components read, but for those that are there: a cluster that
// was up before keeps its keys.
func (c Cluster) prepare(s settings) error {
	if err := os.MkdirAll(c.path("pki"), 0o700); err != nil {
		return err
	}
	authority, err := pki.Open(c.path("pki"), "localkube-"+c.Name)
	if err != nil {
		return err
	}
	return errors.Join(
		c.store(s),
		process.WriteFile(c.path("stages.yaml"), stagesFile),
		process.WriteFile(c.path("audit.yaml"), auditFile),
		c.serverFiles(authority),
		c.clientFiles(authority, s),
	)
}

func (c Cluster) serverFiles(authority pki.Authority) error {
	server := func() (pki.Pair, error) {
		return authority.Server(
			[]string{"localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc"},
			[]net.IP{net.IPv4(127, 0, 0, 1), net.IPv4(10, 96, 0, 1)}) // the second is the service's own
	}
	_, err := c.pair(string(APIServer), server)
	keyFile := c.path("pki", "service-account.key")
	if _, missing := os.Stat(keyFile); errors.Is(missing, fs.ErrNotExist) {
		key, keyErr := pki.NewKey()
		err = errors.Join(err, keyErr, process.WriteFile(keyFile, key))
	}
	return err
}

// clientFiles makes the certificate of each that asks something of the API server, and the
// kubeconfig files of the components.
func (c Cluster) clientFiles(authority pki.Authority, s settings) error {
	var failed error
	for _, component := range Components() {
		user, groups := component.identity()
		if user == "" {
			continue
		}
		sign := func() (pki.Pair, error) { return authority.Client(user, groups...) }
		pair, err := c.pair(string(component), sign)
		file := c.kubeconfig(authority, s, pki.Kubeconfig{User: user, Pair: pair})
		path := c.path("pki", string(component)+".kubeconfig")
		failed = errors.Join(failed, err, writeIfNew(path, file))
	}
	sign := func() (pki.Pair, error) { return authority.Client(admin, "system:masters") }
	_, err := c.pair(admin, sign)
	return errors.Join(failed, err)
}

// pair returns the certificate of that name, made if it is not there.
func (c Cluster) pair(name string, make func() (pki.Pair, error)) (pki.Pair, error) {
	path := c.path("pki", name)
	pair, err := pki.Read(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return pair, err
	}
	if pair, err = make(); err != nil {
		return pair, err
	}
	return pair, pair.Write(path)
}

// kubeconfig returns the user's file for this cluster.
func (c Cluster) kubeconfig(authority pki.Authority, s settings, user pki.Kubeconfig) []byte {
	user.Cluster, user.Server, user.Authority = c.Name, s.URL(), authority.Certificate()
	return user.Bytes()
}

// publish writes the administrator's kubeconfig file, which says that the cluster serves.
func (c Cluster) publish(s settings) error {
	authority, err := pki.Open(c.path("pki"), "")
	if err != nil {
		return err
	}
	pair, err := pki.Read(c.path("pki", admin))
	if err != nil {
		return err
	}
	file := c.kubeconfig(authority, s, pki.Kubeconfig{User: admin, Pair: pair})
	return writeIfNew(c.Kubeconfig(), file)
}

// writeIfNew leaves a file alone that holds the content already: somebody may watch it.
func writeIfNew(path string, content []byte) error {
	if old, err := os.ReadFile(path); err == nil && bytes.Equal(old, content) {
		return nil
	}
	return process.WriteFile(path, content)
}

// User writes a kubeconfig file for a user of these groups, and returns where it is. The user needs
// not exist: whoever the cluster's authority vouches for is a user.
func (c Cluster) User(user string, groups []string) (path string, err error) {
	s, err := c.existing()
	if err != nil {
		return "", err
	}
	if err := validUser(user); err != nil {
		return "", err
	}
	authority, err := pki.Open(c.path("pki"), "")
	if err != nil {
		return "", err
	}
	pair, err := authority.Client(user, groups...)
	if err != nil {
		return "", err
	}
	file := c.kubeconfig(authority, s, pki.Kubeconfig{User: user, Pair: pair})
	path = filepath.Join(c.Home(), user+".kubeconfig")
	return path, process.WriteFile(path, file)
}
