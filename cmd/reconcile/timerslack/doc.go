// Package timerslack has the kernel wake this process less often. It is imported for that alone.
//
// While a Go program does anything, a thread of the runtime looks every 20 µs for what runs too long. A daemon that waits for
// answers of API servers does a little all the time, so that this was a sixth of its CPU time. A thread that sleeps is woken
// up to its timer slack late, 50 µs unless it asks for another, together with whatever else is due by then. With ten
// milliseconds it looks a hundred times a second, which is what the runtime itself makes of it while little goes on. A timer
// is as much late, and a call of the kernel that takes its time keeps others waiting as long: nobody here notices either.
//
// That thread is there before any code of a program runs, and a thread has its slack from the one that started it. So the
// slack is set and the program is started once more, by execve(2), in the same process: what it starts, workers among it,
// inherits it. Since imports are made ready in the order of their names, and this package needs little, that is before most
// of them, and costs two milliseconds. See PR_SET_TIMERSLACK of prctl(2); only Linux has it.
package timerslack
