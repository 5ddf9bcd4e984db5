package schema

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"go.yaml.in/yaml/v3"
)

// lintYAML refuses what makes YAML ambiguous or dangerous: a second document, anchors and
// aliases (a small file can stand for gigabytes), merge keys, and tags of its own.
func lintYAML(f sourceFile) Errors {
	d := yaml.NewDecoder(bytes.NewReader(f.text))
	var first, second yaml.Node
	if err := d.Decode(&first); err != nil && !errors.Is(err, io.EOF) {
		return Errors{yamlError(f.name, err)}
	}
	if err := d.Decode(&second); !errors.Is(err, io.EOF) {
		return Errors{{Position: Position{f.name, max(second.Line, 1), max(second.Column, 1)},
			Message: "found a second document: one file is one map; take the --- out"}}
	}
	return lintNode(f.name, &first)
}

// yamlError says where the YAML cannot be read; the reader knows the line at best.
func yamlError(file string, err error) Error {
	at, text := Position{file, 1, 1}, strings.TrimPrefix(err.Error(), "yaml: ")
	if _, scanErr := fmt.Sscanf(text, "line %d:", &at.Line); scanErr == nil {
		_, text, _ = strings.Cut(text, ": ")
	}
	if strings.HasPrefix(text, "unknown anchor") {
		text = "found an alias: write the value itself"
	}
	return Error{Position: at, Message: "syntax: " + text}
}

// lintNode looks through one node and those below it.
func lintNode(file string, n *yaml.Node) Errors {
	var errs Errors
	add := func(what, instead string) {
		at := Position{file, n.Line, n.Column}
		errs = append(errs, Error{Position: at, Message: fmt.Sprintf("found %s: %s", what, instead)})
	}
	switch {
	case n.Kind == yaml.AliasNode:
		add("an alias", "write the value itself")
		return errs
	case n.Anchor != "":
		add("an anchor", "write the value itself where it is wanted")
	case n.Tag == "!!merge":
		add("a merge key", "write the fields themselves")
	case n.Style&yaml.TaggedStyle != 0:
		add("a tag", "write a plain value")
	case n.Kind == yaml.ScalarNode && n.Style == 0 && ambiguous(n.Value):
		add("a value that readers of YAML take for different things",
			"put it in quotes, or write true, false or a number without leading zero")
	}
	for i, c := range n.Content {
		if n.Kind == yaml.MappingNode && i%2 == 0 {
			errs = append(errs, lintKey(file, c)...)
		} else {
			errs = append(errs, lintNode(file, c)...)
		}
	}
	return errs
}

// lintKey looks at the key of a map, which may be any plain word.
func lintKey(file string, n *yaml.Node) Errors {
	switch {
	case n.Kind != yaml.ScalarNode && n.Kind != yaml.AliasNode:
		return Errors{{
			Position: Position{file, n.Line, n.Column}, Message: "found a key that is a map or a list: a key is a name",
		}}
	case n.Anchor != "" || n.Kind == yaml.AliasNode || n.Tag == "!!merge":
		return lintNode(file, n)
	}
	return nil
}

// ambiguous tells whether a plain scalar is a truth value or octal in YAML 1.1, and not in 1.2.
func ambiguous(scalar string) bool {
	digits := strings.TrimLeft(scalar, "+-")
	octal := len(digits) > 1 && digits[0] == '0' && strings.Trim(digits, "0123456789_") == ""
	switch strings.ToLower(scalar) {
	case "yes", "no", "on", "off":
		return true
	}
	return octal
}
