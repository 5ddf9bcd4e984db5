//go:build unix

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// news is what the daemon's /api/v1/status says, as far as the demo tells it.
type news struct {
	Deployment string
	Statuses   []struct{ SHA, Context, State, Text string }
	Providers  []struct {
		Name, Cluster, Status, Message string
		Applied                        bool
	}
}

// follower asks the daemon how things are and tells what changed.
type follower struct {
	url  string
	out  io.Writer
	told map[string]string // by what it is about
}

// ask asks once and tells what is new.
func (f *follower) ask() (news, error) {
	var n news
	client := http.Client{Timeout: 5 * time.Second}
	answer, err := client.Get(f.url + "/api/v1/status")
	if err != nil {
		return n, err
	}
	defer answer.Body.Close()
	if answer.StatusCode == http.StatusServiceUnavailable {
		return n, nil // it has not looked yet
	}
	if answer.StatusCode != http.StatusOK {
		return n, errors.New(answer.Request.URL.String() + ": " + answer.Status)
	}
	if err := json.NewDecoder(answer.Body).Decode(&n); err != nil {
		return n, err
	}
	f.tellAll(n)
	return n, nil
}

// tellAll tells of every provider, and of every commit that has a status.
func (f *follower) tellAll(n news) {
	for _, p := range n.Providers {
		f.tell(p.Cluster+"/"+p.Name, p.Status, p.Message)
	}
	for _, s := range n.Statuses {
		if s.Context == n.context() {
			f.tell("commit "+s.SHA[:min(7, len(s.SHA))], s.State, s.Text)
		}
	}
}

// tell writes one line, or more if it is long, unless it said the same before.
func (f *follower) tell(about, state, text string) {
	if said := state + " " + text; f.told[about] != said {
		f.told[about] = said
		for i, line := range wrap(text, 58) {
			if i > 0 {
				about, state = "", ""
			}
			fmt.Fprintln(f.out, strings.TrimRight(fmt.Sprintf("  %-18s %-9s %s", about, state, line), " "))
		}
	}
}

// wrap breaks a text into lines of a width, at spaces.
func wrap(text string, width int) []string {
	lines := []string{""}
	for _, word := range strings.Fields(text) {
		switch last := &lines[len(lines)-1]; {
		case *last == "":
			*last = word
		case len([]rune(*last))+1+len([]rune(word)) <= width:
			*last += " " + word
		default:
			lines = append(lines, word)
		}
	}
	return lines
}

// context is that of the status of a whole commit.
func (n news) context() string { return "reconcile/" + n.Deployment + "/apply" }

// ready says whether all providers are Ready and the commit says so.
func (n news) ready(sha string) bool {
	for _, p := range n.Providers {
		if !p.Applied || p.Status != "Ready" {
			return false
		}
	}
	for _, s := range n.Statuses {
		if s.SHA == sha && s.Context == n.context() {
			return s.State == "success"
		}
	}
	return false
}
