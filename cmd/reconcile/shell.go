package main

import "strings"

// quoted is a word as a POSIX shell takes it: as it is where no shell finds a meaning in it, else in single quotes.
func quoted(word string) string {
	const plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789@%+=:,./_-"
	if word != "" && strings.Trim(word, plain) == "" {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

// here is a command of this program with the flags that say where declarations and clusters are, as they were given.
func (s *settings) here(command string) string {
	for _, flag := range []struct{ name, value, usual string }{
		{"credentials", s.credentials, ""}, {"clusters", s.clusters, ""}, {"kubeconfig", s.kubeconfig, ""},
		{"state-namespace", s.stateNamespace, "default"}, {"dir", s.dir, "."},
	} {
		if flag.value != "" && flag.value != flag.usual {
			command += " --" + flag.name + " " + quoted(flag.value)
		}
	}
	return command
}

// bootstrapCommand is how somebody makes the daemon's account in a cluster.
func (s *settings) bootstrapCommand(cluster string) string {
	return s.here("reconcile provider bootstrap " + cluster + " --context CONTEXT-OF-AN-ADMINISTRATOR")
}
