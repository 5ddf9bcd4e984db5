package binaries

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"
)

// A stage is what go build says it did, one line each.
type stage string

const (
	downloaded stage = "go: downloading "
	compiled   stage = "" // go build -v names each package
)

// follow runs `go build -v` and shows that it moves: how long it has been, how many modules were
// downloaded and packages compiled, on a terminal over and over on one line, else a line every ten
// seconds. What the compiler has to say besides is in the error.
func follow(build *exec.Cmd, out io.Writer) error {
	lines, err := build.StderrPipe()
	if err != nil {
		return err
	}
	if err := build.Start(); err != nil {
		return err
	}
	steps, rest := make(chan stage), make(chan []string, 1)
	go func() {
		rest <- sortOut(lines, steps)
		close(steps)
	}()
	count := show(steps, out)
	err = build.Wait()
	if complaints := strings.Join(<-rest, "\n"); err != nil {
		return fmt.Errorf("%w after %d packages\n%s", err, count[compiled], complaints)
	}
	return nil
}

// sortOut tells the lines that are steps from all others, which it returns.
func sortOut(lines io.Reader, steps chan<- stage) (rest []string) {
	scanner := bufio.NewScanner(lines)
	for scanner.Scan() {
		switch line := scanner.Text(); {
		case strings.HasPrefix(line, string(downloaded)):
			steps <- downloaded
		case line == "" || strings.ContainsAny(line, " \t:"):
			rest = append(rest, line)
		default:
			steps <- compiled
		}
	}
	return rest
}

// show writes how far it is until there are no more steps, and returns how many there were.
func show(steps <-chan stage, out io.Writer) map[stage]int {
	const progress = "  %s: %d modules downloaded, %d packages compiled, then linking"
	format, every := progress+"\n", 10*time.Second
	terminal := isTerminal(out)
	if terminal {
		format, every = "\r"+progress, 200*time.Millisecond
	}
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	begin, count := time.Now(), map[stage]int{}
	write := func() {
		fmt.Fprintf(out, format, time.Since(begin).Round(time.Second), count[downloaded], count[compiled])
	}
	for {
		select {
		case step, more := <-steps:
			if more {
				count[step]++
				continue
			}
			if terminal || count[compiled] > 0 {
				write()
			}
			if terminal {
				fmt.Fprintln(out)
			}
			return count
		case <-ticker.C:
			write()
		}
	}
}

func isTerminal(out io.Writer) bool {
	file, ok := out.(*os.File)
	if !ok {
		return false
	}
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
