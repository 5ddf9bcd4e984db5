# check judges and writes nothing; fix edits. Every target builds with the same flags, those of a release, so that
# everything is compiled once. The race detector and the forge for tests need C, and Kubernetes' servers are no part of
# the program: these are built as ever.
given := $(GOFLAGS)
plain := env -u CGO_ENABLED GOFLAGS="$(given)"
race := $(plain) go test -race -short
export CGO_ENABLED := 0
export GOFLAGS := -trimpath $(given)

.PHONY: check fix test build release localkube localforge prometheus browser shots timed story demo bench gate doc clean help
.DEFAULT_GOAL := check

tool := go tool -modfile=.ci/tools.mod
kube := cd examples/localkube &&
forge := cd examples/localforge &&
releases := cd .ci/release &&

# Packages whose tests write their golden files anew with -update.
golden = $(sort $(dir $(shell grep -rl 'flag.Bool."update"' --include='*_test.go' .)))

check: ## judge: format, vet, staticcheck, complexity, tidiness, quick tests with -race
	gofmt -d .
	$(tool) gocyclo -over 12 -ignore '_test\.go$$' .
	go mod tidy -diff
	$(kube) go mod tidy -diff
	$(forge) go mod tidy -diff
	$(releases) go mod tidy -diff
	go vet ./...
	$(kube) go vet . ./internal/...
	$(releases) go vet .
	$(tool) staticcheck ./...
	$(race) -timeout 20m ./...
	$(kube) $(race) . ./internal/...
	$(releases) $(race) .

fix: ## edit: format, tidy, golden files and generated pages
	gofmt -w .
	go mod tidy
	$(kube) go mod tidy
	$(forge) go mod tidy
	$(releases) go mod tidy
	go test -short $(golden) -update

# The tests of the whole program start what takes a machine for itself: they come last, and alone.
test: build localkube localforge prometheus browser ## all tests, on real clusters too
	@code=0; \
	go test -timeout 30m $$(go list ./... | grep -vx '.*/cmd/reconcile') || code=1; \
	go test -timeout 60m ./cmd/reconcile || code=1; \
	exit $$code
	$(kube) go test -timeout 30m . ./internal/...
	$(releases) go test -timeout 60m .

# Without Go plugins, which nobody uses, the linker leaves out what nobody calls: a third of the program.
build: ## bin/reconcile
	go build -tags kustomize_disable_go_plugin_support -o bin/reconcile ./cmd/reconcile

release: ## bin/release: programs, image, contents and checksums, of the commit that is checked out; ARGS are passed on
	$(releases) go run . $(ARGS)

localkube: ## bin/localkube, and kubernetes, helm and kubectl where they are not installed
	$(kube) go build -o ../../bin/localkube .
	@need=; PATH="$${KUBEBUILDER_ASSETS:-/}:$$PATH"; \
	for part in etcd kube-apiserver kube-controller-manager kube-scheduler kwok; do \
		command -v $$part >/dev/null || need=kubernetes; done; \
	helm version --short 2>/dev/null | grep -q '^v3\.' || need="$$need helm"; \
	command -v kubectl >/dev/null || need="$$need kubectl"; \
	for program in $$need; do $(plain) bin/localkube build $$program || exit 1; done

localforge: ## bin/gitea, a forge for tests
	@test -e bin/gitea || echo "building bin/gitea: 6 minutes the first time on two cores, cached afterwards"
	$(forge) $(plain) go build -tags 'sqlite sqlite_unlock_notify' -ldflags '-X main.Version=1.26.0' -o ../../bin/gitea code.gitea.io/gitea
	@ln -sfn "$$($(forge) go list -m -f '{{.Dir}}' code.gitea.io/gitea)" bin/gitea.static

prometheus: ## bin/prometheus and bin/promtool, of Debian's package, where they are not installed
	@command -v prometheus promtool >/dev/null || test -x bin/prometheus || { \
		mkdir -p bin && tmp=$$(mktemp -d) && trap 'rm -rf "$$tmp"' EXIT && (cd "$$tmp" && \
		{ apt-get download -q prometheus || { apt-get -qq update && apt-get download -q prometheus; }; } && \
		dpkg-deb -x prometheus_*.deb .) && cp "$$tmp"/usr/bin/prometheus "$$tmp"/usr/bin/promtool bin/ ; } || \
		echo "there is no prometheus: what needs it is skipped in tests"

# Where apt-get or npm is missing, the tests in a browser are skipped and say what they need; in .ci/run they fail.
browser: ## what tests of the page need: Chromium (installed with apt-get, as root) and bin/npm with axe-core
	@command -v chromium >/dev/null || { test "$$(id -u)" = 0 && command -v apt-get >/dev/null && \
		apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends chromium fonts-dejavu-core >/dev/null; } || \
		echo "Chromium is missing: install it, or the page is not tested in a browser"
	@test -e bin/npm/node_modules/axe-core/axe.min.js || { command -v npm >/dev/null && \
		npm install --silent --no-audit --no-fund --ignore-scripts --prefix bin/npm axe-core@4.10.3; } || \
		echo "axe-core is missing: install npm, or nobody checks whether everybody can read the page"

story: build localkube localforge ## one pull request from its first push to what it did, on a real forge and two clusters
	go test -timeout 30m -count 1 -v -run '^TestAPullRequest$$' ./cmd/reconcile

demo: build localkube ## see it work on two clusters of its own; ARGS=--exit ends it by itself
	go build -o bin/demo ./examples/demo
	bin/demo $(ARGS)

bench: build localkube ## measure it beside the helm command, half an hour; ARGS are passed on, such as -write or -grow ""
	go run ./examples/bench $(ARGS)

gate: build localkube ## fail if a release costs more CPU, requests or allocations than it did; a minute or two
	go run ./examples/bench -gate $(ARGS)

doc: ## write the generated pages anew
	go test -short -run Fresh $(golden) -update

shots: browser ## pictures of every page in bin/shots, light and dark, wide and narrow
	mkdir -p bin/shots
	SCREENSHOTS=$(CURDIR)/bin/shots go test -count 1 -run 'EverybodyCan|MembersCan' ./status/page

timed: browser ## whether pages are as fast as they shall be, with 2,000 providers; on a machine that does nothing else
	RECONCILE_TEST_TIMED=1 go test -count 1 -v -run '^Test(TwoThousandProvidersInABrowser|ItStaysUpToDate)$$' ./status/page

clean: ## remove what was built
	rm -rf bin

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' Makefile
