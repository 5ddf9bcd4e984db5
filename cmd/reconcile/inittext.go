package main

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/workspace-providers/reconcile/schema/edit"
)

// The texts of a new repository; CUE is laid out afterwards.

func (b *beginning) deployment() string {
	namespace, recognised := "", ""
	if b.namespace != "" {
		namespace = fmt.Sprintf("namespace: %q\n\t\t", b.namespace)
	}
	if b.label != "" {
		recognised = fmt.Sprintf("\n\t// How environments are told from each other.\n\tenvironments: organizationLabel: %q\n", b.label)
	}
	return fmt.Sprintf(`// The control plane that developers log in to.
package providers

deployment: {
	name:       %q
	accessURL:  %q // every provider is told; change it with reconcile access-url set
	generation: %q // which keys the charts' values have

	// What every provider has where it says nothing itself.
	defaults: {
		%schart: path: %q
	}
%s}
`, b.name, b.accessURL, b.generation, namespace, cmp.Or(b.chartPath, "charts/"+b.chartName()), recognised)
}

func (b *beginning) clusterFile() string {
	value := "{}"
	if b.address != "" {
		value = fmt.Sprintf("address: %q", b.address)
	}
	return fmt.Sprintf(`// Where providers are. How to reach a cluster is no declaration: that stands in the daemon's credentials.
package providers

clusters: %s: %s
`, edit.Label(b.cluster), value)
}

func (b *beginning) organizationFile() string {
	var lines strings.Builder
	for _, o := range b.organizations {
		fmt.Fprintf(&lines, "\t%s: {} // say how it is recognised: match: namespaces: …\n", edit.Label(o))
	}
	return fmt.Sprintf(`// Groups of developers. Each may use the built-in provider unless it opts out.
package providers

organizations: {
%s}
`, lines.String())
}

func (b *beginning) providerFile() string {
	return fmt.Sprintf(`// Places in which developers create environments. More of them: reconcile provider create.
package providers

providers: {
	%s: {
		cluster:  %q
		hostname: %q
	}
}
`, edit.Label(b.providerName), b.cluster, b.host)
}

func (b *beginning) allowlistFile() string {
	var lines strings.Builder
	for _, o := range b.organizations {
		fmt.Fprintf(&lines, "\t\t%s: true\n", edit.Label(o))
	}
	return fmt.Sprintf(`// Who may create new environments where: reconcile provider allow, disallow.
package providers

allowlists: {
	%s: {
%s	}
}
`, edit.Label(b.providerName), lines.String())
}

func (b *beginning) readme() string {
	return fmt.Sprintf(`# Workspace providers of %s

What is declared here is what is: a daemon pulls this repository and keeps the clusters so.

| file | |
|---|---|
| deployment.cue | the control plane that developers log in to, and what all providers have in common |
| clusters.cue | where providers can be |
| providers.cue | the places in which developers create environments |
| organizations.cue, allowlists.cue | groups of developers, and who may create environments where |
| charts | what is installed for a provider, where it comes from no repository of charts |

`+"```sh"+`
reconcile vet                 # is it valid?
reconcile provider ls         # what is declared
reconcile provider --help     # create, rename, cordon, allow …: they edit these files
reconcile --dry-run           # what would change, where the clusters can be reached
`+"```"+`
`, b.name)
}

// owners say who reviews what. Without a name it is a template: a line for nobody would let everybody in.
func (b *beginning) owners() string {
	mark, owner := "", b.owner
	if owner == "" {
		mark, owner = "# ", "@your/team"
	}
	all, lists := "*             ", "allowlists.cue"
	if b.forge == "gitea" { // where these are regular expressions of whole paths: https://docs.gitea.com/usage/code-owners
		all, lists = ".*              ", `allowlists\\.cue`
	}
	return fmt.Sprintf(`# Who reviews changes. Each file may have owners of its own.
%[1]s%[3]s %[2]s
%[1]s%[4]s %[2]s
`, mark, owner, all, lists)
}

// ownersFile is where a forge looks for owners; empty: nowhere.
func ownersFile(forge string) string {
	return map[string]string{"github": ".github/CODEOWNERS", "gitlab": "CODEOWNERS", "gitea": "CODEOWNERS"}[forge]
}

// ciFile is where a forge looks for what is to be run; empty: nowhere.
func ciFile(forge string) string {
	return map[string]string{
		"github": ".github/workflows/reconcile.yml", "gitlab": ".gitlab-ci.yml", "gitea": ".gitea/workflows/reconcile.yml",
	}[forge]
}

const editorConfig = `root = true

[*]
charset = utf-8
end_of_line = lf
insert_final_newline = true

[*.cue]
indent_style = tab

[*.{yaml,yml,json}]
indent_style = space
indent_size = 2
`

const gitIgnore = `# Credentials are never declared.
*.kubeconfig
kubeconfig
`

// module is what go install takes.
const module = "github.com/workspace-providers/reconcile/cmd/reconcile"

// ciText is what a forge runs. The plan is made where the secret KUBECONFIGS is: one kubeconfig with a context for each
// cluster, which may read and no more. That there are changes (2) or holds (3) is no failure of it.
func ciText(forge string) string {
	plan := "reconcile --dry-run --kubeconfig kubeconfig || test $? -ne 1"
	if forge == "gitlab" {
		return fmt.Sprintf(`reconcile:
  image: golang
  script:
  - go install %s@latest
  - reconcile vet
  - |
    if [ -n "$KUBECONFIGS" ]; then
      (umask 077 && printf '%%s' "$KUBECONFIGS" > kubeconfig)
      %s
    fi
`, module, plan)
	}
	return fmt.Sprintf(`name: reconcile
on:
  pull_request: {}
  push: {branches: [main]}
permissions: {contents: read}
jobs:
  reconcile:
    runs-on: ubuntu-latest
    steps:
    - uses: actions/checkout@v4
    - uses: actions/setup-go@v5
      with: {go-version: stable}
    - run: go install %s@latest
    - run: reconcile vet
    - env:
        KUBECONFIGS: ${{ secrets.KUBECONFIGS }}
      run: |
        if [ -n "$KUBECONFIGS" ]; then
          (umask 077 && printf '%%s' "$KUBECONFIGS" > kubeconfig)
          %s
        fi
`, module, plan)
}
