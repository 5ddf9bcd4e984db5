package process

import (
	"fmt"
	"os"
	"syscall"
)

// Lock waits until nobody else holds the file locked, and holds it. The lock goes with this
// program, however that ends. Whoever holds it may remove the file.
func Lock(path string) (unlock func(), err error) {
	for {
		file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
		if err != nil {
			return nil, err
		}
		if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX); err != nil {
			file.Close()
			return nil, fmt.Errorf("locking %s: %w", path, err)
		}
		// While this waited, the one before may have removed the file: then others lock a new one
		// of that name.
		held, err := file.Stat()
		if named, missing := os.Stat(path); err == nil && missing == nil && os.SameFile(held, named) {
			return func() { file.Close() }, nil
		}
		file.Close()
	}
}
