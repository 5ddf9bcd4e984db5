package main

import (
	"fmt"
	"os"
	"runtime"
	"strings"
)

// machine is what everything was measured on.
type machine struct {
	CPU    string `json:"cpu"`
	Cores  int    `json:"cores"`
	Memory int    `json:"memoryGiB"`
	System string `json:"system"`
	Load   string `json:"load"` // at the start, of the last 1, 5 and 15 minutes
}

// thisMachine says what it can find out.
func thisMachine() machine {
	m := machine{
		CPU: "unknown CPU", Cores: runtime.NumCPU(), System: runtime.GOOS + "/" + runtime.GOARCH, Load: "unknown",
	}
	info, err := os.ReadFile("/proc/cpuinfo")
	if err == nil {
		for line := range strings.Lines(string(info)) {
			if key, value, _ := strings.Cut(line, ":"); strings.TrimSpace(key) == "model name" {
				m.CPU = strings.TrimSpace(value)
				break
			}
		}
	}
	m.Memory = int(kilobytes(readFile("/proc/meminfo"), "MemTotal") >> 30)
	if load, err := os.ReadFile("/proc/loadavg"); err == nil {
		m.Load = strings.Join(strings.Fields(string(load))[:3], " ")
	}
	return m
}

// String is one line.
func (m machine) String() string {
	return fmt.Sprintf("%s, %d cores, %d GiB, %s, load at the start %s", m.CPU, m.Cores, m.Memory, m.System, m.Load)
}
