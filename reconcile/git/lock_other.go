//go:build !unix

package git

import (
	"errors"
	"io"
	"os"
)

// errLocked says that another process holds the lock.
var errLocked = errors.New("locked")

// lockFile holds a file until it is closed. Where there is no flock, the file cannot be removed
// while it is open, so that one which can be removed belongs to nobody.
func lockFile(path string) (io.Closer, error) {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, errLocked
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if errors.Is(err, os.ErrExist) {
		return nil, errLocked
	}
	return f, err
}
