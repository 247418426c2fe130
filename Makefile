# make is the only door. `make demo` shows navette at work, `make test` proves it; `make help` lists the rest.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

PREFIX ?= /usr
DESTDIR ?=
SWIFT := $(or $(shell command -v swift),$(wildcard /opt/swift/usr/bin/swift))

# Modules may import only what Package.swift grants.
CHECKED := --explicit-target-dependency-import-check error
# What ships, and what every test starts that starts a program. It resolves its symbols at start, after which the table of them is read-only.
# It is linked against the names that the oldest of its hosts has (scripts/old-hosts); what this machine's libraries need is theirs.
HOSTS := $(CURDIR)/.build/old-hosts
SHIP := $(CHECKED) --scratch-path .build/ship -c release --static-swift-stdlib --disable-local-rpath --product navette -Xlinker -z -Xlinker now \
  -Xlinker -L$(HOSTS) -Xlinker $(HOSTS)/start.o -Xlinker --wrap=__libc_start_main -Xlinker --allow-shlib-undefined
PROGRAM := .build/ship/navette
# The same modules, optimised the same way, for tests that call them; the tests themselves are not optimised (Package.swift).
TESTS := $(CHECKED) -c release -Xswiftc -enable-testing

# A caller's own CA or proxy settings are for reaching the Internet; the program under test talks to this machine.
CLEAN := env -u CURL_CA_BUNDLE -u SSL_CERT_FILE -u SSL_CERT_DIR -u AWS_CA_BUNDLE -u REQUESTS_CA_BUNDLE \
  -u http_proxy -u https_proxy -u HTTP_PROXY -u HTTPS_PROXY -u all_proxy -u ALL_PROXY -u no_proxy -u NO_PROXY

# Seconds of the soak at the end of the tests.
SOAK ?= 60

# Debian has it in the package of the whole server; scripts/install-needs takes it out of that.
PROMTOOL = $(or $(shell command -v promtool),.build/tools/promtool)

SCRIPTS := $(shell grep -lsE '^#!/(usr/bin/env bash|bin/sh)$$' scripts/* scripts/debian/* .ci/run)

.PHONY: help swift release debug demo test test-tables test-shapes test-liars endurance sanitize sanitize-threads sweep test-systemd test-hosts test-rpm test-fresh soak check bench growth fuzz fmt lint man deb rpm tarball install install-files clean

help: ## what can be made
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/make \1\t\2/p' Makefile | expand -t 16

swift:
	@test -n "$(SWIFT)" || { echo "Swift 6.2 or later is needed, in PATH or in /opt/swift: https://www.swift.org/install/linux/" >&2; exit 1; }

release: swift ## the program as it ships, .build/ship/navette: needs no Swift on the host
	scripts/install-needs build
	scripts/old-hosts
	"$(SWIFT)" build $(SHIP)
	scripts/check-hosts .build/ship/release/navette
	strip --remove-section=.comment --remove-section=.note -o $(PROGRAM).new .build/ship/release/navette
	cmp -s $(PROGRAM).new $(PROGRAM) && rm $(PROGRAM).new || mv $(PROGRAM).new $(PROGRAM)

debug: swift ## the program for a debugger: .build/debug/navette
	scripts/install-needs build
	"$(SWIFT)" build $(CHECKED) --product navette

demo: release ## feeds and streams end to end in a temporary folder, verified byte for byte
	$(CLEAN) $(PROGRAM) demo

test: release ## every test, with real servers on this machine, on the program as it ships
	scripts/install-needs test
	"$(SWIFT)" build $(TESTS) --build-tests
	SWIFT="$(SWIFT)" FLAGS="$(TESTS)" scripts/test-servers run scripts/run-tests $(if $(FILTER),--filter "$(FILTER)",--soak $(SOAK))

test-tables: release ## FILES (default 24000) made-up table files beside an oracle in Python, by SEED; a share of them is part of the tests
	scripts/test-tables --files $(or $(FILES),24000) $(if $(SEED),--seed $(SEED))

test-shapes: release ## FILES (default 2000) made-up logs of Campaign, shaped, beside an oracle in Python, by SEED; a share of them is part of the tests
	scripts/test-shapes --files $(or $(FILES),2000) $(if $(SEED),--seed $(SEED))

test-liars: release ## every store against a server that lies, some 600 cases in an hour and a half; ONLY=s3:list-* for some, PART=12 for a twelfth
	scripts/install-needs test
	scripts/test-liars $(if $(ONLY),--only '$(ONLY)') $(if $(PART),--share $(PART))

sweep: swift ## the crash harness with every second blow and every outcome of a power cut, of which `make test` takes a fifth; 3,000 of each schedule
	"$(SWIFT)" build $(TESTS) --build-tests
	NAVETTE_SWEEP=whole "$(SWIFT)" test $(TESTS) --skip-build --filter '(Files|Inbound|Outbound|Pull)Tests\.'

sanitize: swift ## debug builds under the sanitizers: races in Threads, Stores and the whole program, addresses in Formats and Stores
	scripts/install-needs test
	SWIFT="$(SWIFT)" FLAGS="$(CHECKED)" scripts/sanitize

sanitize-threads: swift ## of these, the part that needs neither libcurl nor the cryptography to be built
	scripts/install-needs build
	SWIFT="$(SWIFT)" FLAGS="$(CHECKED)" scripts/sanitize threads

test-systemd: deb tarball ## the package in a booted systemd: installed, run, reloaded, hung, upgraded, purged (as root; builds package and tarball)
	scripts/install-needs systemd
	SWIFT="$(SWIFT)" scripts/test-systemd $(if $(POSSIBLY),--if-possible)

test-hosts: deb ## the package in roots of Debian 11, 12 and 13, each booted with its own systemd, with real servers; and tests on Debian 11's libraries (as root; SUITES="bullseye")
	scripts/install-needs hosts
	"$(SWIFT)" build $(TESTS) --build-tests
	SWIFT="$(SWIFT)" FLAGS="$(TESTS)" scripts/test-hosts $(SUITES)

test-rpm: rpm ## the package for RHEL in a booted Debian 11: installed, upgraded, removed by rpm (as root)
	scripts/install-needs fresh
	scripts/test-rpm

test-fresh: swift ## the commands of the README in a Debian with nothing but make in it (as root; FRESH="demo test")
	scripts/install-needs fresh
	SWIFT="$(SWIFT)" scripts/test-fresh $(or $(FRESH),demo test)

soak: release ## a writer of 20,000 lines a second, kills, a store in trouble and a full disk, for MINUTES (default 10)
	scripts/soak --minutes $(or $(MINUTES),10) $(if $(ROTATION),--rotation $(ROTATION))

endurance: release ## the program that ships, with real servers: each agent lives SECONDS (default 600) with failures, reloads and stops
	scripts/endurance --seconds $(or $(SECONDS),600) $(if $(ONLY),--only $(ONLY))

check: lint test ## lint and test

bench: release ## both directions on SIZE (default 5GiB) and DROPS (default 100000) small files, beside gzip, cp, wc and mv; fails at 40 MiB
	scripts/bench --size $(or $(SIZE),5GiB) --drops $(or $(DROPS),100000)

growth: release ## what commands and an agent cost with COUNTS (default 1000,1000000) drops and batches in the ledger, beside each other
	scripts/growth $(if $(COUNTS),--counts $(COUNTS))

fuzz: swift ## every parser, SECONDS (default 60) each
	scripts/fuzz $(or $(SECONDS),60)

fmt: swift ## formats the Swift sources
	"$(SWIFT)" format -i -r -p Package.swift Sources Tests

lint: swift ## format, scripts, spelling, manual, alert rules, unit, house rules
	scripts/install-needs lint
	"$(SWIFT)" format lint --strict -r -p Package.swift Sources Tests
	shellcheck $(SCRIPTS)
	codespell -L nd README.md CONTRIBUTING.md CHANGELOG.md docs systemd scripts Tests/CLITests/Transcripts
	mandoc -T lint -W warning docs/man/*.[15]
	$(PROMTOOL) check rules docs/monitoring/navette.rules.yaml
	$(PROMTOOL) test rules Tests/monitoring/navette.rules.test.yaml
	if command -v systemd-analyze >/dev/null; then scripts/verify-unit; fi
	"$(SWIFT)" build $(TESTS) --build-tests
	"$(SWIFT)" test $(TESTS) --skip-build --filter HouseTests

man: release ## navette(1) anew from the commands, after one of them changed
	scripts/manual $(PROGRAM) >docs/man/navette.1

deb: release ## the Debian package, in dist/
	scripts/install-needs deb
	scripts/deb

rpm: release ## the package for RHEL 8 and 9 and their kin, in dist/
	scripts/install-needs rpm
	scripts/rpm

tarball: release ## the same files for hosts without dpkg, in dist/
	scripts/tarball

install: release install-files ## to DESTDIR and PREFIX (default /usr)

# What `make release` has built, and everything beside it; compiles nothing.
LIB := $(DESTDIR)$(PREFIX)/lib
SHARE := $(DESTDIR)$(PREFIX)/share
UNITS := navette.service navette-reopen@.path navette-reopen@.service

install-files:
	install -D -m 755 $(PROGRAM) "$(DESTDIR)$(PREFIX)/bin/navette"
	scripts/check-size "$(DESTDIR)$(PREFIX)/bin/navette"
	install -d "$(LIB)/systemd/system" "$(SHARE)/doc/navette"
	for unit in $(UNITS); do sed 's|/usr/bin/navette|$(PREFIX)/bin/navette|' "systemd/$$unit" >"$(LIB)/systemd/system/$$unit"; done
	sed 's|/usr/bin/navette|$(PREFIX)/bin/navette|' systemd/navette.service | scripts/instance-unit >"$(LIB)/systemd/system/navette@.service"
	chmod 644 "$(LIB)"/systemd/system/navette*
	install -D -m 644 systemd/navette.catalog "$(LIB)/systemd/catalog/navette.catalog"
	install -D -m 644 systemd/navette.sysusers "$(LIB)/sysusers.d/navette.conf"
	install -D -m 644 systemd/navette.tmpfiles "$(LIB)/tmpfiles.d/navette.conf"
	install -D -m 644 etc/navette/navette.yaml "$(DESTDIR)/etc/navette/navette.yaml"
	for page in docs/man/*.[15]; do gzip -9nc "$$page" | \
	  install -D -m 644 /dev/stdin "$(SHARE)/man/man$${page##*.}/$${page##*/}.gz"; done
	install -d "$(SHARE)/bash-completion/completions" "$(SHARE)/zsh/vendor-completions" "$(SHARE)/fish/vendor_completions.d"
	$(PROGRAM) --generate-completion-script bash | sed '1{/^#!/d}' >"$(SHARE)/bash-completion/completions/navette"
	$(PROGRAM) --generate-completion-script zsh >"$(SHARE)/zsh/vendor-completions/_navette"
	$(PROGRAM) --generate-completion-script fish >"$(SHARE)/fish/vendor_completions.d/navette.fish"
	chmod 644 "$(SHARE)/bash-completion/completions/navette" "$(SHARE)/zsh/vendor-completions/_navette" \
	  "$(SHARE)/fish/vendor_completions.d/navette.fish"
	install -m 644 README.md docs/*.md CHANGELOG.md LICENSE "$(SHARE)/doc/navette"
	install -D -m 644 -t "$(SHARE)/doc/navette/monitoring" docs/monitoring/*

clean: ## removes what was built
	rm -rf .build dist
