package git

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/skeema/knownhosts"
	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"
)

// credentials are the files of a directory, as Kubernetes' basic-auth and ssh-auth Secrets name
// them: username, password or token, ssh-privatekey, known_hosts, ca.crt. Any of them may be
// missing.
type credentials struct {
	user, password string
	key            []byte // PEM, may be encrypted with password
	knownHosts     string // path
	ca             []byte // PEM
}

// readCredentials reads the directory of credentials and that of CA certificates (*.pem), either
// may be "".
func readCredentials(dir, caDir string) (credentials, error) {
	var c credentials
	var errs []error
	read := func(name string) []byte {
		if dir == "" {
			return nil
		}
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, fmt.Errorf("credentials: %w", err))
		}
		return data
	}
	line := func(name string) string { return strings.TrimRight(string(read(name)), "\r\n") }
	c.user, c.password = line("username"), line("password")
	c.key, c.ca = read("ssh-privatekey"), read("ca.crt")
	if c.password == "" {
		c.password = line("token")
	}
	if c.user == "" {
		c.user = "x-access-token" // what GitHub wants beside a token, and others ignore
	}
	if len(read("known_hosts")) > 0 {
		c.knownHosts = filepath.Join(dir, "known_hosts")
	}
	pems, _ := filepath.Glob(filepath.Join(caDir, "*.pem")) // the pattern is well-formed
	for _, name := range pems {
		if caDir == "" {
			break
		}
		data, err := os.ReadFile(name)
		errs = append(errs, err)
		c.ca = slices.Concat(c.ca, []byte("\n"), data)
	}
	return c, errors.Join(errs...)
}

// sshConfig says who we are and which host keys are known. Without a key file the user's agent is
// asked; without a known_hosts file, those of the user and the system count.
func (m *remote) sshConfig(ctx context.Context) (*ssh.ClientConfig, func(), error) {
	c, addr := m.cred, m.address()
	config := &ssh.ClientConfig{User: or(m.ep.User, "git")}
	done := func() {}
	switch {
	case len(c.key) > 0:
		signer, err := c.signer()
		if err != nil {
			return nil, nil, fmt.Errorf("credentials: ssh-privatekey: %w", err)
		}
		config.Auth = []ssh.AuthMethod{ssh.PublicKeys(signer)}
	case os.Getenv("SSH_AUTH_SOCK") != "":
		conn, hangUp, err := dial(ctx, "unix", os.Getenv("SSH_AUTH_SOCK"))
		if err != nil {
			return nil, nil, fmt.Errorf("ssh agent: %w", err)
		}
		done = hangUp
		config.Auth = []ssh.AuthMethod{ssh.PublicKeysCallback(agent.NewClient(conn).Signers)}
	default:
		return nil, nil, errors.New(
			"no ssh key: put ssh-privatekey into the git folder of the credentials")
	}
	hosts, err := knownhosts.NewDB(c.hostFiles()...)
	if err != nil {
		done()
		return nil, nil, fmt.Errorf("known_hosts: %w", err)
	}
	config.HostKeyAlgorithms = hosts.HostKeyAlgorithms(addr)
	config.HostKeyCallback = hosts.HostKeyCallback()
	return config, done, nil
}

// signer reads the private key, encrypted or not.
func (c credentials) signer() (ssh.Signer, error) {
	signer, err := ssh.ParsePrivateKey(c.key)
	if missing := new(ssh.PassphraseMissingError); errors.As(err, &missing) && c.password != "" {
		return ssh.ParsePrivateKeyWithPassphrase(c.key, []byte(c.password))
	}
	return signer, err
}

// hostFiles are the files of known host keys that exist.
func (c credentials) hostFiles() []string {
	if c.knownHosts != "" {
		return []string{c.knownHosts}
	}
	candidates := []string{"/etc/ssh/ssh_known_hosts"}
	if home, err := os.UserHomeDir(); err == nil {
		candidates = append(candidates, filepath.Join(home, ".ssh", "known_hosts"))
	}
	return slices.DeleteFunc(candidates, func(name string) bool {
		_, err := os.Stat(name)
		return err != nil
	})
}
