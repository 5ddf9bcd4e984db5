// Package worker runs a function in a limited child process of this same program, so that input of
// unknown origin can exhaust, crash or hang the child and never the daemon.
//
// In goes the name of a function and bytes; out come bytes, or an Error that says which limit was
// met. The program's main calls Main first thing: in a child it runs the function and exits,
// elsewhere it does nothing. The parent has a Pool.
//
//	parent: Pool.Run ──► queue ──► thread that gives up files, network, privileges ──► fork, exec
//	child:  Main ──► memory, time, no descriptors, no environment ──► read input ──► function ──► output, exit
//
// What is limited, and by what:
//
//	memory       RLIMIT_DATA on Linux, and everywhere a watchdog in the child
//	CPU time     RLIMIT_CPU, hard, since Go does not obey the soft one
//	wall time    the parent kills the process group; the child also ends itself
//	stack        debug.SetMaxStack, so that a runaway recursion ends small and soon
//	files, network, processes
//	             RLIMIT_NOFILE 0: what is not open yet cannot be opened; RLIMIT_FSIZE and RLIMIT_CORE 0;
//	             Landlock without a rule for any file or TCP port, and no new privileges, where the kernel has them
//	output       counted by the parent
//
// The child dies with its parent. What the functions do, and what is sent to them, is left to
// others.
package worker
