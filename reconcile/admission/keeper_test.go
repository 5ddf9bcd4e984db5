package admission

import (
	"testing"
	"time"
)

// A server that has had no guard for a while still hears of what one that comes later says.
func TestParametersAreReadAfterTheLastGuardWent(t *testing.T) {
	s := newServer(t)
	s.guard.Open["design"] = true
	s.install()
	s.door("blue", "organization blue is not on its allowlist")
	s.clean()
	time.Sleep(3 * time.Second) // servers look at what parameters they need once a second, and say nothing of it

	s.guard.Open["design"] = false
	s.install()
	s.door("design", notOpen)
}
