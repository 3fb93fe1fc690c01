# The front door. Meson does the work, in build/; the tools/ scripts do what Meson does not. `make help` lists the targets.
.DEFAULT_GOAL := help
.PHONY: run build test check test-long bench bench-growth bench-serving bench-peers fmt install clean help

HOST ?= 127.0.0.1
PORT ?= 8080
PREFIX ?= /usr/local
DESTDIR ?=
WHAT ?= side_by_side

run: ## set up all that is missing, then serve on HOST= PORT= (127.0.0.1:8080)
	@tools/setup.sh build
	@tools/build.sh build vecd
	@tools/get_default_model.sh
	@exec build/vecd serve --host '$(HOST)' --port '$(PORT)'

build: ## optimised build in build/, the program is build/vecd
	@tools/setup.sh build
	@tools/build.sh build all

test: ## what CI runs: every build, every test (under 15 minutes on 2 cores)
	@tools/setup.sh test
	@tools/run_tests.sh all

check: ## unit, kernel and house checks (under 30 s once built), for while typing
	@tools/setup.sh test
	@tools/run_tests.sh check

test-long: ## what takes longer: fuzzing (FUZZ_SECONDS=60 a target), a soak (VECD_SOAK_SECONDS=600), large parity runs
	@tools/setup.sh test
	@tools/run_tests.sh long

bench: ## measure this machine
	@tools/setup.sh build
	@tools/build.sh build vecd
	@tools/get_default_model.sh
	@exec build/vecd bench

bench-growth: ## time per token as batch and length grow: tables, CSV, SVG (5 minutes); ARGS= the script's flags
	@tools/setup.sh build
	@tools/build.sh build all
	@tools/get_default_model.sh
	@exec python3 -B bench/growth.py $(ARGS)

bench-serving: ## the server under load, beside what it must do (8 minutes); ARGS= the flags of bench/serving.py
	@tools/setup.sh build
	@tools/build.sh build all
	@tools/get_default_model.sh
	@exec python3 -B bench/serving.py $(ARGS)

bench-peers: ## vecd beside its peers (first run: 7 GB); WHAT=side_by_side, start_up, tokenizers_speed or families, ARGS= its flags
	@tools/setup.sh build
	@tools/build.sh build all
	@tools/get_default_model.sh
	@exec bench/peers/run.sh '$(WHAT)' $(ARGS)

fmt: ## clang-format over our C, tables excepted
	@tools/setup.sh dev
	@tools/format.sh --write

install: ## program, library, header, pkg-config file, man page, into DESTDIR= PREFIX= (/usr/local)
	@tools/setup.sh build
	@tools/build.sh build --prefix '$(PREFIX)' all
	@DESTDIR='$(DESTDIR)' meson install -C build --no-rebuild

clean: ## remove what was built (the models stay)
	@rm -rf build build-clang build-asan build-tsan build-fuzz

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | while IFS="$$(printf '\t')" read -r t h; do printf 'make %-12s %s\n' "$$t" "$$h"; done
