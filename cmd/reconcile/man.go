package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
	"github.com/spf13/pflag"
)

// newMan makes `reconcile man`.
func newMan(io *streams) *cobra.Command {
	return &cobra.Command{
		Use: "man DIR", Short: "Write manual pages into a directory",
		Long:    "man writes a manual page for each command into a directory that is there, such as /usr/local/share/man/man1.",
		Example: "  reconcile man /usr/local/share/man/man1",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if info, err := os.Stat(args[0]); err != nil || !info.IsDir() {
				return fmt.Errorf("man: %s is no directory", args[0])
			}
			root := cmd.Root()
			root.DisableAutoGenTag = true
			if err := doc.GenManTree(root, &doc.GenManHeader{Title: "RECONCILE", Section: "1", Source: "reconcile " + build().Version}, args[0]); err != nil {
				return err
			}
			return say(io, "manual pages are in "+args[0]+"\n")
		},
	}
}

// commandsDoc is the reference of all commands as Markdown.
func commandsDoc() string {
	root := newRoot(&streams{})
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	var b strings.Builder
	b.WriteString("# Commands\n\nMade from the program by `make doc`. `reconcile help COMMAND` says the same, and `reconcile man` writes it as\n" +
		"manual pages. What the daemon does is in the [README](../README.md).\n\n")
	for _, c := range allCommands(root) {
		fmt.Fprintf(&b, "- [%s](#%s): %s\n", c.CommandPath(), strings.ReplaceAll(c.CommandPath(), " ", "-"), c.Short)
	}
	for _, c := range allCommands(root) {
		describe(&b, c)
	}
	b.WriteString("\n## Flags of every command\n\n")
	flagTable(&b, root.PersistentFlags())
	return b.String()
}

// allCommands are a command and those below it that people type, in the order of their names.
func allCommands(c *cobra.Command) []*cobra.Command {
	out := []*cobra.Command{c}
	for _, sub := range c.Commands() {
		if sub.IsAvailableCommand() && sub.Name() != "completion" && sub.Name() != "help" {
			out = append(out, allCommands(sub)...)
		}
	}
	return out
}

func describe(b *strings.Builder, c *cobra.Command) {
	fmt.Fprintf(b, "\n## %s\n\n", c.CommandPath())
	text := c.Long
	if text == "" {
		text = c.Short + "."
	}
	use := c.UseLine()
	if !c.Runnable() {
		use = c.CommandPath() + " COMMAND"
	}
	fmt.Fprintf(b, "```\n%s\n```\n\n```text\n%s\n```\n", use, text)
	if c.Example != "" {
		fmt.Fprintf(b, "\n```sh\n%s\n```\n", dedent(c.Example))
	}
	if c.LocalNonPersistentFlags().HasAvailableFlags() {
		b.WriteString("\n")
		flagTable(b, c.LocalNonPersistentFlags())
	}
}

// dedent takes the two spaces off that examples have in front on a terminal.
func dedent(text string) string {
	return strings.ReplaceAll(strings.TrimPrefix(text, "  "), "\n  ", "\n")
}

func flagTable(b *strings.Builder, flags *pflag.FlagSet) {
	b.WriteString("| flag | |\n|---|---|\n")
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Hidden || f.Name == "help" {
			return
		}
		value, usage := pflag.UnquoteUsage(f)
		name := "--" + f.Name
		if f.Shorthand != "" {
			name = "-" + f.Shorthand + ", " + name
		}
		if value != "" {
			name += " " + value
		}
		if zero := f.DefValue; zero != "" && zero != "false" && zero != "[]" && zero != "0" && zero != "0s" {
			usage += fmt.Sprintf(" (%s)", zero)
		}
		fmt.Fprintf(b, "| `%s` | %s |\n", name, strings.NewReplacer("|", "\\|", "<", "&lt;").Replace(usage))
	})
}
