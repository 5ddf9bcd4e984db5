package worker

import (
	"context"
	"errors"
	"fmt"
	"os"
	"testing"
	"time"
)

// misdeeds are what the children of these tests do.
var misdeeds = map[string]Func{
	"echo": func(in []byte) ([]byte, error) { return in, nil },
	"fail": func([]byte) ([]byte, error) { return nil, errors.New("a.cue:1:1: wrong") },
	"eat": func([]byte) ([]byte, error) {
		var all [][]byte
		for {
			b := make([]byte, 1<<20)
			for i := range b {
				b[i] = 1
			}
			all = append(all, b)
			_ = all
		}
	},
	"gulp": func([]byte) ([]byte, error) {
		b := make([]byte, 12<<30)
		return b[:1], nil
	},
	"spin": func([]byte) ([]byte, error) {
		for {
		}
	},
	"sleep": func([]byte) ([]byte, error) { time.Sleep(time.Hour); return nil, nil },
	"deep":  func([]byte) ([]byte, error) { return []byte{byte(deep(0))}, nil },
	"panic": func([]byte) ([]byte, error) { panic("oh") },
	"exit":  func([]byte) ([]byte, error) { os.Exit(0); return nil, nil },
	"print": func([]byte) ([]byte, error) {
		b := make([]byte, 1<<16)
		for {
			fmt.Println(string(b))
		}
	},
	"long": func([]byte) ([]byte, error) { return make([]byte, 100<<20), nil },
}

//go:noinline
func deep(n int) int {
	if n < 0 {
		return 0
	}
	return deep(n+1) + 1
}

func TestSmoke(t *testing.T) {
	p := &Pool{}
	for _, name := range []string{"echo", "fail", "eat", "gulp", "spin", "sleep", "deep", "panic", "exit", "print", "long"} {
		start := time.Now()
		out, err := p.Run(context.Background(), Task{Name: name, Doing: "evaluating the declarations", CPU: 2 * time.Second, Wall: 4 * time.Second}, []byte("hi"))
		var e *Error
		errors.As(err, &e)
		c := Class("")
		if e != nil {
			c = e.Class
		}
		t.Log(name, time.Since(start).Round(time.Millisecond), len(out), c, err)
	}
	start := time.Now()
	for range 50 {
		if _, err := p.Run(context.Background(), Task{Name: "echo"}, []byte("hi")); err != nil {
			t.Fatal(err)
		}
	}
	t.Log(time.Since(start) / 50)
}
