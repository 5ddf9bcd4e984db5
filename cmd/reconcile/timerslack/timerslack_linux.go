package timerslack

import (
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// slack is how late a thread may be woken, in nanoseconds.
const slack = 10_000_000

// again is set in the environment of a program that was started once more, so that it does not do so for ever where the
// kernel takes the slack and does not keep it.
const again = "RECONCILE_TIMERSLACK"

func init() {
	if _, is := os.LookupEnv(again); is {
		_ = os.Unsetenv(again) // it is not for what this program starts
		return
	}
	if has, err := unix.PrctlRetInt(unix.PR_GET_TIMERSLACK, 0, 0, 0, 0); err != nil || has >= slack {
		return // it is inherited
	}
	program, err := os.Executable() // by its name, which ps(1) shows
	if err != nil || unix.Prctl(unix.PR_SET_TIMERSLACK, slack, 0, 0, 0) != nil {
		return
	}
	// Where this fails, the program goes on as it is, and takes more CPU.
	_ = syscall.Exec(program, os.Args, append(os.Environ(), again+"=1"))
}
