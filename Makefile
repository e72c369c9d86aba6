# Two commands on a fresh machine: `make demo` and `make test`. Nothing but Python 3.11+ and make is needed.
SHELL := /bin/bash
PYTHON ?= python3
BIN := .venv/bin
ARGS ?=
.DEFAULT_GOAL := help

.PHONY: help setup demo test test-fast lint fmt types torture bench up histories lock clean

help: ## this list
	@grep -hE '^[a-z-]+:.*?## ' $(MAKEFILE_LIST) | awk -F ':.*?## ' '{printf "  make %-12s %s\n", $$1, $$2}'
	@echo '  ARGS="..." is handed on, e.g. make demo ARGS="--once --orders 50"'

setup: .venv/.installed ## make .venv from the hash-pinned lock file

.venv/.installed: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed, this is " + sys.version) if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

demo: setup ## start everything, walk 200 real baskets to their ends, stay up (ARGS="--once" ends by itself)
	@$(BIN)/oms demo $(ARGS)

up: setup ## start the stack on this machine and stay up
	@$(BIN)/oms up $(ARGS)

test: setup ## lint, types, import rule, replay, every test against real servers, coverage
	@$(BIN)/python -m tests.run $(ARGS)

test-fast: setup ## the tests that need no server
	@$(BIN)/python -m pytest tests/domain tests/workflows/test_replay.py $(ARGS)

lint: setup ## ruff, import rule
	$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/lint-imports

fmt: setup ## format the code
	$(BIN)/ruff check --fix . ; $(BIN)/ruff format .

types: setup ## mypy, strict
	$(BIN)/mypy

torture: setup ## the fault tests in their long form (ARGS="--seed N" repeats one), new examples for the rules of the domain
	@OMS_TORTURE=1 $(BIN)/python -m pytest tests/faults tests/domain $(ARGS)

bench: setup ## measure everything in bench/README.md again
	@$(BIN)/python -m bench $(ARGS)

histories: setup ## record new workflow histories for the replay test
	@$(BIN)/python -m tests.workflows.record $(ARGS)

lock: ## write requirements.lock anew (needs uv)
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --all-extras --no-header -q pyproject.toml -o requirements.lock

clean: ## remove the virtual environment and the default data directory
	rm -rf .venv .oms
