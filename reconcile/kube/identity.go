package kube

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/google/uuid"
)

// Identity names this process in Leases: host, process namespace, process and its start, which together
// let a process that starts on the same machine see that its predecessor is gone, and a random part that
// no two processes share.
func Identity() string {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return strings.Join([]string{host, pidNamespace(), strconv.Itoa(os.Getpid()), startTime(os.Getpid()), uuid.NewString()[:8]}, "_")
}

// dead says whether holder was a process of our own process namespace that is gone.
func dead(holder, own string) bool {
	theirs, ours := strings.Split(holder, "_"), strings.Split(own, "_")
	if len(theirs) != 5 || len(ours) != 5 || theirs[0] != ours[0] || theirs[1] != ours[1] || ours[1] == "" {
		return false
	}
	pid, err := strconv.Atoi(theirs[2])
	return err == nil && theirs[3] != "" && startTime(pid) != theirs[3]
}

// pidNamespace tells one set of process numbers from another; empty where the system does not say.
func pidNamespace() string {
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	ns, err := os.Readlink("/proc/self/ns/pid")
	if err != nil {
		return ""
	}
	return strings.Trim(strings.TrimPrefix(ns, "pid:"), "[]") + "-" + string(boot[:min(8, len(boot))])
}

// startTime is when a process was started, in the system's own count; empty: there is none.
func startTime(pid int) string {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if errors.Is(err, os.ErrNotExist) || err != nil {
		return ""
	}
	_, rest, found := strings.Cut(string(stat), ") ")
	fields := strings.Fields(rest)
	if !found || len(fields) < 20 || fields[0] == "Z" { // a zombie has ended and waits to be collected
		return ""
	}
	return fields[19] // field 22 of proc(5)
}
