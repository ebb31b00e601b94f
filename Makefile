# Every target also runs on a developer's machine; CI adds nothing of its own.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-builtin-rules

GO ?= go
BUILD := $(CURDIR)/build
TEST_TIMEOUT ?= 30m
FUZZTIME ?= 30s
BENCHTIME ?= 1s
LISTEN ?= 127.0.0.1:8080

GOLANGCI_LINT_VERSION := v2.15.0
STATICCHECK_VERSION := v0.8.2
TFLINT_VERSION := v0.64.0
GOTESTSUM_VERSION := v1.13.0
GOLANGCI_LINT := $(BUILD)/tools/golangci-lint@$(GOLANGCI_LINT_VERSION)/golangci-lint
STATICCHECK := $(BUILD)/tools/staticcheck@$(STATICCHECK_VERSION)/staticcheck
TFLINT := $(BUILD)/tools/tflint@$(TFLINT_VERSION)/tflint
GOTESTSUM := $(BUILD)/tools/gotestsum@$(GOTESTSUM_VERSION)/gotestsum

.PHONY: help
help: ## list the targets
	@group='^[#]#@ (.*)'; target='^([a-z-]+):.*[#]# (.*)'; \
	while IFS= read -r line; do \
		if [[ $$line =~ $$group ]]; then printf '\n%s\n' "$${BASH_REMATCH[1]}"; \
		elif [[ $$line =~ $$target ]]; then printf '  %-14s %s\n' "$${BASH_REMATCH[1]}" "$${BASH_REMATCH[2]}"; fi; \
	done <Makefile

##@ Try it

.PHONY: demo
demo: ## all functions, an embedded cloud and both simulated CRMs in one process, with a scenario
	$(GO) run ./internal/cmd/connector demo

.PHONY: local
local: ## all functions and the embedded cloud on LISTEN, against the CRMs the environment names
	$(GO) run ./internal/cmd/connector local --listen $(LISTEN)

##@ Test

# This target and demo need go, make, bash and coreutils, and nothing else.
.PHONY: test
test: $(GOTESTSUM) ## every package, in random order, 2 minutes; it names the tests that it skips
	@$(TEST) -short -timeout=$(TEST_TIMEOUT) ./...
	@missing() { command -v "$$1" >/dev/null || echo "SKIPPED, $$1 is not installed: $$2"; }; \
	missing gcc "make test-race, the same tests under the race detector"; \
	missing java "make test-long's tests on Google's emulators, which need gcloud too"; \
	missing terraform "most of make terraform-test, the tests of terraform/"; \
	missing chromium "make browser-test, the pages in a browser"

.PHONY: test-race
test-race: $(GOTESTSUM) ## the same under the race detector, 5 minutes; it needs a C compiler
	@[ "$$($(GO) env CGO_ENABLED)" = 1 ] || { \
		echo "SKIPPED, NO PACKAGE WAS TESTED FOR RACES: the race detector needs a C compiler: install gcc and libc6-dev" >&2; exit 1; }
	@$(TEST) -short -race -timeout=$(TEST_TIMEOUT) ./...

# The tests that call tier.Long, and their packages; internal/proof/archtest compares.
LONG_TESTS := TestMutants TestEveryKill TestARunIsMadeByItsSeedAlone TestTheOperatorsScenario \
	TestWhatIsPublishedIsPushedByGooglesEmulator TestStoresOnGooglesEmulator TestGoogleEmulator \
	TestGoogleEmulatorConforms TestEmulatorAnswersUntilItIsStopped TestTheDemoCasesEndWellOnGooglesEmulators
LONG_PACKAGES := ./internal/proof/simulate ./internal/cmd/connector ./internal/gcp ./internal/store ./internal/local/cloud/...
EMPTY :=
.PHONY: test-long
test-long: $(GOTESTSUM) ## the long simulations, a killed backfill, Google's emulators
	@$(TEST) -timeout=$(TEST_TIMEOUT) -run='^($(subst $(EMPTY) $(EMPTY),|,$(strip $(LONG_TESTS))))$$' $(LONG_PACKAGES)

TEST := GO="$(GO)" GOTESTSUM="$(GOTESTSUM)" bash .ci/test
$(GOTESTSUM):
	GOBIN=$(@D) $(GO) install gotest.tools/gotestsum@$(GOTESTSUM_VERSION)

AXE_VERSION := 4.14.1
AXE := $(BUILD)/axe/$(AXE_VERSION)/node_modules/axe-core/axe.min.js
BROWSER ?=
.PHONY: browser-test
browser-test: $(if $(shell command -v npm),$(AXE)) ## Chromium through the console and the demo page; BROWSER=-update updates the README's pictures
	$(GO) test -count=1 -v -timeout=15m ./internal/cmd/connector -run '^TestBrowser$$' -browser -axe "$(AXE)" -shots "$(BUILD)/screenshots" $(BROWSER)

$(AXE):
	npm install --no-save --no-audit --no-fund --ignore-scripts --prefix $(BUILD)/axe/$(AXE_VERSION) axe-core@$(AXE_VERSION)

##@ Search for faults

.PHONY: fuzz
fuzz: ## every fuzz target for FUZZTIME (30s)
	GO="$(GO)" FUZZTIME="$(FUZZTIME)" .ci/fuzz

SEEDS ?= 2000
.PHONY: simulate
simulate: ## the real handlers on simulated CRMs, queue, store and clock, with faults and kills; SEEDS runs
	$(GO) test -count=1 -v -timeout=60m ./internal/proof/simulate -run '^TestSeeds$$' -seeds=$(SEEDS)

SOAK ?=
.PHONY: soak
soak: ## people, failing calls and SIGKILLs over real processes, 7 minutes; SOAK="-edits 2000" changes it
	$(GO) test -count=1 -v -timeout=20m ./internal/proof/soak -run '^TestSoak$$' -soak $(SOAK)

.PHONY: operate-test
operate-test: ## the operator's scenario at its full size: 5,000 records in Zoho, 1,000 in HubSpot
	$(GO) test -count=1 -v -timeout=40m ./internal/cmd/connector -run '^TestTheOperatorsScenario$$' -operate=20

##@ Measure

BENCH ?=
.PHONY: bench
bench: ## scenarios over the functions as a process of their own, 15 minutes; BENCH="-scenarios lone" changes it; results go to build/bench.json
	@mkdir -p $(BUILD)
	$(GO) build -o $(BUILD)/bench ./internal/cmd/bench
	$(BUILD)/bench -out $(BUILD)/bench.json $(BENCH)

.PHONY: bench-go
bench-go: ## every Go benchmark, in the form that benchstat reads, also in build/bench.txt
	@mkdir -p $(BUILD)
	$(GO) test -run='^$$' -bench=. -benchmem -benchtime=$(BENCHTIME) -timeout=30m ./... | tee $(BUILD)/bench.txt

##@ Write code

.PHONY: format
format: ## gofmt everything
	gofmt -l -w $$(git ls-files --cached --others --exclude-standard '*.go')

.PHONY: format-check
format-check: ## fail when a file is not formatted
	@unformatted=$$(gofmt -l $$(git ls-files --cached --others --exclude-standard '*.go')); \
	if [ -n "$$unformatted" ]; then printf 'not formatted, run make format:\n%s\n' "$$unformatted"; exit 1; fi

.PHONY: vet
vet: ## go vet
	$(GO) vet ./...

.PHONY: lint
lint: $(GOLANGCI_LINT) $(STATICCHECK) ## golangci-lint and staticcheck, at pinned versions
	$(GOLANGCI_LINT) run ./...
	$(STATICCHECK) ./...

$(GOLANGCI_LINT):
	GOBIN=$(@D) $(GO) install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_LINT_VERSION)

$(STATICCHECK):
	GOBIN=$(@D) $(GO) install honnef.co/go/tools/cmd/staticcheck@$(STATICCHECK_VERSION)

##@ Deploy

.PHONY: package
package: ## the zip that terraform deploys, build/connector-<hash>.zip, after a build of it as the buildpack's
	$(GO) test -count=1 -timeout=$(TEST_TIMEOUT) ./internal/sourcezip
	$(GO) run ./internal/cmd/package

.PHONY: terraform-test
terraform-test: $(TFLINT) ## terraform fmt, init, validate and test on a copy of terraform/, and tflint; no cloud is called
	TFLINT="$(TFLINT)" COPY="$(BUILD)/terraform-test" .ci/terraform-test

$(TFLINT):
	GOBIN=$(@D) $(GO) install github.com/terraform-linters/tflint@$(TFLINT_VERSION)

STATE_PREFIX ?= connector
INIT = terraform -chdir=terraform init -input=false -reconfigure -backend-config=bucket=$(STATE_BUCKET) -backend-config=prefix=$(STATE_PREFIX)
.PHONY: plan
plan: ## terraform plan of the zip of "make package", to build/plan.tfplan; STATE_BUCKET=... STATE_PREFIX=connector
	@test -n "$(STATE_BUCKET)" || { echo "set STATE_BUCKET to the bucket that holds Terraform's state: see docs/deploy.md" >&2; exit 1; }
	$(INIT)
	terraform -chdir=terraform plan -input=false -out=$(BUILD)/plan.tfplan

.PHONY: apply
apply: ## terraform apply of build/plan.tfplan, and of nothing else
	@test -f "$(BUILD)/plan.tfplan" || { echo "there is no plan: run make package, make plan and read it" >&2; exit 1; }
	$(INIT)
	terraform -chdir=terraform apply -input=false $(BUILD)/plan.tfplan

.PHONY: smoke
smoke: ## test the deployment through its real triggers; HUBSPOT_CLIENT_SECRET=... SMOKE_CONTACT=id make it complete
	terraform -chdir=terraform output -json | $(GO) run ./internal/cmd/smoke

##@ Everything

# .ci/run runs test by itself, on a machine with few tools.
FIRST ?= test
.PHONY: check
check: format-check vet lint terraform-test $(FIRST) test-race test-long browser-test package ## everything that CI runs

.PHONY: clean
clean: ## remove all build results, the tools included
	rm -rf $(BUILD)
