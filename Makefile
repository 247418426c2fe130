# make is the only door. `make demo` shows navette at work, `make test` proves it; `make help` lists the rest.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

PREFIX ?= /usr
DESTDIR ?=
SWIFT := $(or $(shell command -v swift),$(wildcard /opt/swift/usr/bin/swift))

# One flag set for build and tests, so that nothing is built twice. Modules may import only what Package.swift grants.
FLAGS := --explicit-target-dependency-import-check error
RELEASE := -c release --static-swift-stdlib --product navette

# A caller's own CA or proxy settings are for reaching the Internet; the program under test talks to this machine.
CLEAN := env -u CURL_CA_BUNDLE -u SSL_CERT_FILE -u SSL_CERT_DIR -u AWS_CA_BUNDLE -u REQUESTS_CA_BUNDLE \
  -u http_proxy -u https_proxy -u HTTP_PROXY -u HTTPS_PROXY -u all_proxy -u ALL_PROXY -u no_proxy -u NO_PROXY

# Seconds of the soak at the end of the tests.
SOAK ?= 60

SCRIPTS := $(shell grep -l '^.!.*bash$$' scripts/* .ci/run)

.PHONY: help swift build release demo test soak check bench fuzz fmt lint install clean

help: ## what can be made
	@sed -n 's/^\([a-z]*\):[^#]*## \(.*\)/make \1\t\2/p' Makefile | expand -t 16

swift:
	@test -n "$(SWIFT)" || { echo "Swift 6.2 or later is needed, in PATH or in /opt/swift: https://www.swift.org/install/linux/" >&2; exit 1; }

build: swift ## the program, for debugging: .build/debug/navette
	scripts/install-needs build
	"$(SWIFT)" build $(FLAGS) --product navette

release: swift ## the program as it ships: needs no Swift on the host
	scripts/install-needs build
	"$(SWIFT)" build $(FLAGS) $(RELEASE)

demo: build ## both lanes end to end in a temporary folder, verified byte for byte
	$(CLEAN) .build/debug/navette demo

test: swift ## every test, with real servers on this machine
	scripts/install-needs test
	"$(SWIFT)" build $(FLAGS) --build-tests
	scripts/test-servers run bash -c '"$(SWIFT)" test $(FLAGS) --skip-build $(if $(FILTER),--filter "$(FILTER)",&& scripts/soak --seconds $(SOAK))'

soak: build ## a writer of 20,000 lines a second, kills, a store in trouble and a full disk, for MINUTES (default 10)
	scripts/soak --minutes $(or $(MINUTES),10) $(if $(ROTATION),--rotation $(ROTATION))

check: lint test ## lint and test

bench: release ## both lanes on SIZE (default 5GiB), beside gzip, pigz, cp and wc; fails where memory reaches 40 MiB
	scripts/bench --size $(or $(SIZE),5GiB)

fuzz: swift ## every parser, SECONDS (default 60) each
	scripts/fuzz $(or $(SECONDS),60)

fmt: swift ## formats the Swift sources
	"$(SWIFT)" format -i -r -p Package.swift Sources Tests

lint: swift ## format, scripts, spelling, house rules
	scripts/install-needs lint
	"$(SWIFT)" format lint --strict -r -p Package.swift Sources Tests
	shellcheck $(SCRIPTS)
	codespell README.md CONTRIBUTING.md CHANGELOG.md docs systemd scripts Tests/CLITests/Transcripts
	if command -v systemd-analyze >/dev/null; then scripts/verify-unit; fi
	"$(SWIFT)" build $(FLAGS) --build-tests
	"$(SWIFT)" test $(FLAGS) --skip-build --filter HouseTests

install: release ## to DESTDIR and PREFIX (default /usr)
	install -D -m 755 .build/release/navette "$(DESTDIR)$(PREFIX)/bin/navette"
	strip "$(DESTDIR)$(PREFIX)/bin/navette"
	install -d "$(DESTDIR)$(PREFIX)/lib/systemd/system"
	sed 's|/usr/bin/navette|$(PREFIX)/bin/navette|' systemd/navette.service >"$(DESTDIR)$(PREFIX)/lib/systemd/system/navette.service"
	install -D -m 644 systemd/navette.catalog "$(DESTDIR)$(PREFIX)/lib/systemd/catalog/navette.catalog"
	install -D -m 644 systemd/navette.sysusers "$(DESTDIR)$(PREFIX)/lib/sysusers.d/navette.conf"
	install -D -m 644 systemd/navette.tmpfiles "$(DESTDIR)$(PREFIX)/lib/tmpfiles.d/navette.conf"
	install -d "$(DESTDIR)$(PREFIX)/share/doc/navette"
	install -m 644 README.md CHANGELOG.md LICENSE docs/events.md docs/state-folder.md "$(DESTDIR)$(PREFIX)/share/doc/navette"

clean: ## removes what was built
	rm -rf .build dist
