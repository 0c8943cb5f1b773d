# Everything is set up by the targets themselves: "make run" and "make test" work in a fresh clone.

VERSION := $(shell sed -n 's/^## \([0-9][^ ]*\).*/\1/p' CHANGELOG.md | head -n 1)
COMMIT  := $(shell git rev-parse --short=12 HEAD 2>/dev/null || echo unknown)
LDFLAGS := -s -w -X mailstop/internal/app.Version=$(VERSION) -X mailstop/internal/app.Commit=$(COMMIT)

SAMPLE   := testdata/sample/web-1.ufw.log.1.gz testdata/sample/web-1.ufw.log testdata/sample/mx-1.kern.log
FUZZTIME ?= 5m
TOOLS    := .cache/tools
STAMP    := $(TOOLS)/.built

.PHONY: help
help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: run
run: build ## replays the sample logs and prints the report
	@if scripts/libchdb.sh; then store=.cache/store; else store=none; fi; \
	mkdir -p .cache && \
	bin/mailstop replay --store "$$store" --year 2026 --tz UTC --mail-server 192.0.2.25 $(SAMPLE)

.PHONY: test
test: optional-libchdb ## runs all tests; those that need root or a part that is missing say so
	go test $(TESTFLAGS) ./...

.PHONY: build
build: ## builds bin/mailstop
	CGO_ENABLED=0 go build -trimpath -ldflags '$(LDFLAGS)' -o bin/mailstop ./cmd/mailstop

.PHONY: libchdb
libchdb: ## fetches the store's engine into the user's cache folder, once
	scripts/libchdb.sh

# A test that needs the engine skips without it; with CI=true it fails, and so does this.
.PHONY: optional-libchdb
optional-libchdb:
	@scripts/libchdb.sh || [ "$(CI)" != true ]

.PHONY: bench
bench: build optional-libchdb ## measures: parse and replay rates, then every Go benchmark
	bin/mailstop bench
	bin/mailstop bench formats
	go test -run '^$$' -bench . ./...

.PHONY: torture
torture: libchdb ## the daemon under rotations, kills and full disks: some ten minutes on a quiet machine; MAILSTOP_TORTURE=long for more
	MAILSTOP_TORTURE=$${MAILSTOP_TORTURE:-short} go test -count=1 -timeout 3h -v ./internal/torture

.PHONY: fuzz
fuzz: ## runs every fuzz target for FUZZTIME (5m)
	scripts/fuzz.sh $(FUZZTIME)

.PHONY: samples
samples: ## records testdata/sample anew; needs root, nftables, iptables and ufw
	@mkdir -p .cache
	go build -o .cache/record ./internal/lab/record
	@if [ "$$(id -u)" = 0 ]; then .cache/record; else sudo .cache/record && sudo chown -R "$$(id -u):$$(id -g)" testdata/sample; fi

.PHONY: generate
generate: build ## renews the committed files that are made from code
	bin/mailstop config reference > configs/reference.yaml.new
	mv configs/reference.yaml.new configs/reference.yaml
	bin/mailstop formats --markdown > docs/formats.md.new
	mv docs/formats.md.new docs/formats.md

.PHONY: fmt
fmt: $(STAMP) ## formats the code
	$(TOOLS)/gofumpt -w .

.PHONY: tools
tools: $(STAMP) ## builds the pinned tools

$(STAMP): tools/go.mod tools/go.sum
	GOBIN=$(CURDIR)/$(TOOLS) go -C tools install tool
	@touch $@

.PHONY: check
check: check-fmt check-mod vet lint build generated race vuln ## what continuous integration runs

.PHONY: check-fmt check-mod vet lint generated race vuln
check-fmt: $(STAMP)
	@out=$$($(TOOLS)/gofumpt -l .) && if [ -n "$$out" ]; then echo "not formatted, run \"make fmt\":"; echo "$$out"; exit 1; fi

check-mod:
	go mod tidy -diff
	go mod verify

vet:
	go vet ./...

lint: $(STAMP)
	$(TOOLS)/golangci-lint run

generated: build
	scripts/generated.sh bin/mailstop

# The race detector needs cgo.
race:
	CGO_ENABLED=1 $(MAKE) test TESTFLAGS='-race -timeout 40m'

vuln: $(STAMP)
	scripts/vuln.sh $(TOOLS)/govulncheck
