# `make` alone prints this help. Tools are pinned in modules of their own below
# hack/ and built from source; nothing needs to be installed but Go and git.
.DEFAULT_GOAL := help
SHELL := bash
.SHELLFLAGS := -euo pipefail -c

export CGO_ENABLED ?= 0
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
LDFLAGS := -s -w -X main.version=$(VERSION)
IMAGE ?= license-operator:$(VERSION)
FUZZTIME ?= 30s

# The directory with kube-apiserver, etcd and kubectl, built on first use.
ASSETS = KUBEBUILDER_ASSETS="$$(go -C hack/controlplane run . assets)"
TOOL = go tool -modfile=hack/tools/go.mod
LINT = go tool -modfile=$(CURDIR)/hack/tools/lint/go.mod golangci-lint-kube-api-linter

.PHONY: help
help: ## Show this help
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

##@ Use

.PHONY: run
run: ## Run the main job: control plane, operator, sample vendor; Ctrl-C stops it
	@echo "==> Building the runner"
	@mkdir -p .run/bin
	@go build -o .run/bin/run ./hack/run
	@exec .run/bin/run

.PHONY: build
build: ## Build bin/license-operator
	go build -trimpath -ldflags "$(LDFLAGS)" -o bin/license-operator ./cmd/license-operator

.PHONY: image
image: ## Build the container image (needs docker)
	docker build --build-arg VERSION=$(VERSION) -t $(IMAGE) .

##@ Prove

.PHONY: test
test: ## Run every test
	@echo "==> Preparing the control plane (some minutes the first time, seconds afterwards)"
	@$(ASSETS); export KUBEBUILDER_ASSETS; \
	go -C hack/controlplane test ./... && \
	go -C test/shop test ./... && \
	go test -timeout 30m ./... && \
	go -C test/browser test -timeout 15m # Skipped, and says so, where there is no chromium.

.PHONY: test-clients
test-clients: ## Run unmodified real clients (installs Debian packages; needs root)
	hack/test-clients.sh

.PHONY: test-browser
test-browser: ## Sign customers up in a real browser (installs Debian packages if need be)
	hack/test-browser.sh

.PHONY: fuzz
fuzz: ## Run every fuzz target for FUZZTIME each
	hack/fuzz.sh $(FUZZTIME)

.PHONY: bench
bench: ## Measure, and print the rows of docs/benchmarks.md
	@$(ASSETS); export KUBEBUILDER_ASSETS; go run ./test/bench; go run ./test/bench seats $(BENCHFLAGS); go run ./test/bench usage

.PHONY: verify
verify: fmt-check vet lint generate-check ## Check format, vet, linters and generated files

##@ Change

.PHONY: generate
generate: ## Generate code, CRDs, roles, chart templates and the API reference
	$(TOOL) controller-gen object:headerFile=hack/boilerplate.go.txt paths=./api/...
	$(TOOL) controller-gen crd:crdVersions=v1 paths=./api/... output:crd:artifacts:config=config/crd/bases
	$(TOOL) controller-gen rbac:roleName=license-operator paths=./controllers/... output:rbac:artifacts:config=config/rbac
	go run ./hack/chartgen
	$(TOOL) crd-ref-docs --source-path=api/v1alpha1 --config=docs/reference/config.yaml --templates-dir=docs/reference/templates --renderer=markdown --output-path=docs/reference/api.md

.PHONY: generate-check
generate-check: generate
	@changed="$$(git status --porcelain -- api config charts docs/reference)"; \
	if [ -n "$$changed" ]; then echo "make generate changes these files; commit them:"; echo "$$changed"; git --no-pager diff -- api config charts docs/reference | head -100; exit 1; fi

.PHONY: fmt
fmt: ## Format the code
	gofmt -w $$(git ls-files '*.go')

.PHONY: fmt-check
fmt-check:
	@wrong="$$(gofmt -l $$(git ls-files '*.go'))"; if [ -n "$$wrong" ]; then echo "make fmt changes:"; echo "$$wrong"; exit 1; fi

.PHONY: vet
vet:
	go vet ./...
	go -C hack/controlplane vet ./...
	go -C test/shop vet ./...
	go -C test/browser vet ./...

.PHONY: lint
lint: ## Run the linters
	$(LINT) run ./...

.PHONY: vulncheck
vulncheck: ## Look for known vulnerabilities (asks vuln.go.dev)
	$(TOOL) govulncheck ./...

.PHONY: clean
clean: ## Remove what was built here; the control plane's binaries stay in the user's cache
	rm -rf bin .run
