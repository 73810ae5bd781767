# The house commands. `make run` and `make test` need nothing but a Debian 12 and the network.
.DEFAULT_GOAL := build
.PHONY: run test build install bench load fuzz soak format tidy clean

JOBS ?= $(shell nproc)
PROFILE ?= smoke
HANDOVERS ?= 100000
DESTDIR ?=
PREFIX ?= /usr/local

run: ## Weir in front of a private PostgreSQL, until Ctrl-C; DATABASE_URL=postgres://... pools that server instead
	@JOBS=$(JOBS) DATABASE_URL='$(DATABASE_URL)' scripts/run.sh

test: ## every test; the last line is "N passed, M failed"
	@JOBS=$(JOBS) scripts/test.sh

build: ## the release binary, at build/weir
	@JOBS=$(JOBS) scripts/build.sh

install: build ## binary, manual page, sample weir.toml, systemd units; DESTDIR and PREFIX are honoured
	cmake -DCMAKE_INSTALL_PREFIX=$(PREFIX) build/release >/dev/null
	DESTDIR=$(DESTDIR) cmake --install build/release --strip

bench: build ## PostgreSQL, the bare relay, PgBouncer and Weir by turns: tables, verdicts, plots (BENCH_ARGS="--only 'select simple'")
	@scripts/setup.sh bench profile
	@/usr/bin/python3 bench/run.py $(BENCH_ARGS)

load: build ## a load profile with thresholds: PROFILE=smoke|load|stress|spike|soak
	@scripts/setup.sh bench
	@/usr/bin/python3 bench/load.py $(PROFILE)

soak: build ## 100,000 hand-overs without a leak (HANDOVERS=...), the whole parity product, then the long load profile, an hour (SOAK_SECONDS=...)
	@scripts/setup.sh bench
	@/usr/bin/python3 tests/integration/leak.py --handovers $(HANDOVERS)
	@PARITY=all /usr/bin/python3 -m pytest tests/integration/test_parity_settings.py -q
	@/usr/bin/python3 bench/load.py soak

fuzz: ## libFuzzer on everything that parses (FUZZ_RUNS=..., FUZZ_TARGETS="...")
	@JOBS=$(JOBS) scripts/fuzz.sh

format: ## clang-format, in place
	@git ls-files '*.h' '*.cc' | xargs clang-format -i

tidy: ## clang-tidy over the release build's compile commands
	@cmake --preset debug >/dev/null
	@git ls-files '*.cc' | grep -v -e '^tests/' -e '^bench/' | xargs -P $(JOBS) -n 4 clang-tidy --quiet -p build/debug

clean:
	rm -rf build .run
