package schema

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"
)

// around is what declarations that are shown in documentation stand beside, so far as they do not say it themselves.
const around = `package providers

deployment: {
	name:      "acme"
	accessURL: *"https://coder.example.com" | string
	defaults: chart: path: "charts/workspace-provider"
}
clusters: [string]: _
clusters: eu: address: *"https://eu.example.com:6443" | string
organizations: {red: {}, blue: {}}
providers: frankfurt: {
	cluster:  "eu"
	hostname: *"frankfurt.coder.example.com" | string
}
providers: canary: cluster: "eu"
`

// Every declaration that the documentation shows loads as it stands there, beside a small deployment.
func TestDeclarationsThatAreShown(t *testing.T) {
	pages, err := filepath.Glob("../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	more, err := filepath.Glob("../docs/*/*.md")
	if err != nil {
		t.Fatal(err)
	}
	block := regexp.MustCompile("(?s)\n```cue\n(.*?)\n```")
	seen := 0
	for _, page := range append(append(pages, more...), "../README.md") {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range block.FindAllStringSubmatchIndex(string(text), -1) {
			seen++
			code := string(text[found[2]:found[3]])
			tree := fstest.MapFS{"shown.cue": {Data: []byte(code)}}
			if !strings.HasPrefix(code, "package ") {
				tree["shown.cue"].Data = []byte("package providers\n\n" + code)
				tree["around.cue"] = &fstest.MapFile{Data: []byte(around)}
			}
			if _, err := Load(tree); err != nil {
				line := 1 + strings.Count(string(text[:found[2]]), "\n")
				t.Errorf("%s:%d: %v", page, line, err)
			}
		}
	}
	if seen < 6 {
		t.Errorf("%d declarations were found", seen)
	}
}
