package schema

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
)

// TestTheReferenceIsFresh: docs/declarations.md is schema.cue, in an order to read.
func TestTheReferenceIsFresh(t *testing.T) {
	const page = "../docs/declarations.md"
	want := reference(Schema())
	if *update {
		if err := os.WriteFile(page, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := os.ReadFile(page); err != nil || string(got) != want {
		t.Errorf("%s is not what schema.cue says: run make doc (%v)", page, err)
	}
}

var (
	aDefinition = regexp.MustCompile(`(?m)^#(\w+):`)
	aWord       = regexp.MustCompile(`^#(\w+): +(.*)$`)
	anAttribute = regexp.MustCompile(` +@\w+\([^\n]*\)`)
	aMust       = regexp.MustCompile(`@must\("([^"]*)"\)`)
)

// reference is the page about what a schema lets people declare.
func reference(schema string) string {
	var kinds, words strings.Builder
	for block := range strings.SplitSeq(schema, "\n\n") {
		comment, code := apart(block)
		switch name := aDefinition.FindStringSubmatch(code); {
		case name == nil:
		case strings.Contains(code, ": {"):
			fmt.Fprintf(&kinds, "\n## %s\n\n%s```\n%s\n```\n", name[1], comment, code)
		default:
			for line := range strings.SplitSeq(strings.TrimSpace(block), "\n") {
				words.WriteString(tableLine(line))
			}
		}
	}
	return "# Declarations\n\nThis page is [schema.cue](../schema/schema.cue), in an order to read: `a!` must be there, `a?` may be, and " +
		"`[#Name]:` is any\nnumber of entries, each with a name of yours. `reconcile vet` says what is wrong with them, and between them; " +
		"`reconcile vet\n--explain PROVIDER` says where each value of a provider comes from.\n" +
		kinds.String() + "\n## Words\n\n| | |\n|---|---|\n" + words.String()
}

// tableLine is a line of the table of words.
func tableLine(line string) string {
	found := aWord.FindStringSubmatch(line)
	if found == nil {
		return ""
	}
	says := strings.ReplaceAll(found[2], "|", `or`)
	if must := aMust.FindStringSubmatch(line); must != nil {
		says = must[1]
	}
	return fmt.Sprintf("| `#%s` | %s |\n", found[1], says)
}

// apart takes what is said of a definition from the definition.
func apart(block string) (comment, code string) {
	var said, rest []string
	for line := range strings.SplitSeq(strings.Trim(block, "\n"), "\n") {
		if text, is := strings.CutPrefix(line, "// "); is && len(rest) == 0 {
			said = append(said, text)
			continue
		}
		rest = append(rest, anAttribute.ReplaceAllString(line, ""))
	}
	if len(said) > 0 {
		comment = strings.Join(said, "\n") + "\n\n"
	}
	return comment, strings.Join(rest, "\n")
}
