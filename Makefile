# One command per job; `make` alone explains them.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
SITE   ?= configs/dual_bms
# Much of the tests' time is waiting, so there are more processes than processors.
AT_ONCE ?= --numprocesses 4 --dist loadscope

# Tests start hundreds of processes: without compiled files each would compile all of the project anew.
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.PHONY: help install demo test test-fast check format peers bench clean

help:  ## this text
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or newer is needed; name one with: make PYTHON=python3.11 ..."; exit 1; }
	@$(PYTHON) -m venv $(VENV) || \
	  { echo "cannot make $(VENV); on Debian: apt-get install python3-venv"; exit 1; }

$(VENV)/.runtime: setup.cfg pyproject.toml | $(BIN)/python
	@echo "installing into $(VENV) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(VENV)/.developer: setup.cfg pyproject.toml | $(BIN)/python
	@echo "installing into $(VENV), with what the tests need ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@ $(VENV)/.runtime

install: $(VENV)/.runtime  ## make .venv and install the project into it
	@echo "installed: $(BIN)/ess-actors, $(BIN)/fims_send, $(BIN)/fims_listen"

demo: $(VENV)/.runtime  ## run the dual-BMS site on built-in simulators (SITE=configs/triple for the other one)
	@exec $(BIN)/ess-actors run $(SITE) --sim --live

test: $(VENV)/.developer  ## run all tests (under 6 minutes)
	$(BIN)/python -m pytest $(AT_ONCE)

test-fast: $(VENV)/.developer  ## run the tests that start no site
	$(BIN)/python -m pytest $(AT_ONCE) --ignore=tests/system

check: $(VENV)/.developer  ## format, lint, types and import contracts
	@$(BIN)/ruff format --check --quiet . || { echo "run: make format"; exit 1; }
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache

format: $(VENV)/.developer  ## bring the code into its form
	$(BIN)/ruff format --quiet .
	$(BIN)/ruff check --quiet --fix .

peers: build/peers/.installed  ## install the foreign programs that tests and bench are judged by (below build/)

build/peers/.installed: | $(BIN)/python
	@mkdir -p build/peers
	@if command -v npm >/dev/null; then \
	  npm install --silent --prefix build/peers --no-save --no-package-lock --no-audit --no-fund --ignore-scripts \
	    modbus-serial@8.0.25; else echo "no npm: tests against modbus-serial will be skipped"; fi
	@$(BIN)/python -m venv build/peers/modpoll
	@build/peers/modpoll/bin/python -m pip install --quiet --disable-pip-version-check modpoll==1.6.0
	@touch $@

bench: $(VENV)/.developer build/peers/.installed  ## measure everything: tables, and build/bench.json
	$(BIN)/python -m tests.bench --json build/bench.json

clean:  ## remove what the other commands made
	rm -rf $(VENV) build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
