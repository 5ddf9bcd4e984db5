package cluster

import (
	"fmt"
	"math/rand/v2"
	"net"
)

// choosePort returns a port that nobody listens on. Somebody may take it before the API server
// does: then that ends, and another is chosen.
func choosePort() (int, error) {
	// Below the range from which systems take ports for outgoing connections, so that the port of
	// an API server that was killed is still free when it is started again.
	const first, count, attempts = 20000, 10000, 100
	for range attempts {
		if port := first + rand.IntN(count); free(port) {
			return port, nil
		}
	}
	return 0, fmt.Errorf("found none free of %d ports from %d to %d", attempts, first, first+count-1)
}

// free tells whether nobody listens on the port.
func free(port int) bool {
	listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		return false
	}
	listener.Close()
	return true
}
