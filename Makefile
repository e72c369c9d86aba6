# Two commands on a fresh machine: `make demo` and `make test`. Nothing but Python 3.11+ and make is needed.
SHELL := /bin/bash
PYTHON ?= python3
BIN := .venv/bin
ARGS ?=
# uv installs in seconds; where it is not there, pip does the same with the same hashes. `make demo UV=` forces pip.
UV ?= $(shell command -v uv)
.DEFAULT_GOAL := help
# Images often set it. Without bytecode, each process compiles all of its modules again, for 2 to 3 s each time.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help setup demo check test test-fast lint fmt types torture bench up histories screens schema client lock clean

define NOT_INSTALLED
{ echo "Not all packages of $(1) could be installed: see above. Without a connection to the package index this fails, too. Run the same command again; it goes on."; exit 1; }
endef

# The lock files are complete, so nothing is resolved. Python compiles a module when it is first imported.
ifneq ($(UV),)
install = echo "Installing $$(grep -c == $(1)) packages of $(1) with uv"; $(UV) pip install --python $(BIN)/python --no-deps --require-hashes -r $(1) || $(NOT_INSTALLED)
editable = $(UV) pip install --python $(BIN)/python --quiet --no-deps --no-build-isolation -e .
else
PIP = PYTHONUNBUFFERED=1 $(BIN)/python -m pip install --disable-pip-version-check --no-compile --no-deps
install = echo "Installing $$(grep -c == $(1)) packages of $(1) with pip"; $(BIN)/python -m pip --version >/dev/null 2>&1 || $(BIN)/python -m ensurepip >/dev/null; \
	set -o pipefail; $(PIP) --require-hashes -r $(1) 2>&1 | tee .venv/install.log | awk -v all=$$(grep -c == $(1)) '$(COUNTED)' || { tail -n 20 .venv/install.log; $(NOT_INSTALLED); }
editable = $(PIP) --quiet --no-build-isolation -e .
endif
# One line that counts, in place of pip's hundreds.
COUNTED = /^(Collecting|Processing|Ignoring|Requirement)/ { n++; if (n % 10 == 0 || n == all) { print "  " n " of " all; fflush() } } \
	/^Installing/ { print "  unpacking"; fflush() }

help: ## this list
	@grep -hE '^[a-z-]+:.*?## ' $(MAKEFILE_LIST) | awk -F ':.*?## ' '{printf "  make %-12s %s\n", $$1, $$2}'
	@echo '  ARGS="..." is handed on, e.g. make demo ARGS="--once --orders 50"'

setup: .venv/.installed ## make .venv with everything that tests and development need

.venv/.python:
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed, this is " + sys.version) if sys.version_info < (3, 11) else None'
	@$(PYTHON) -m venv $(if $(UV),--without-pip) .venv
	@touch $@

.venv/.base: requirements-base.lock pyproject.toml | .venv/.python
	@$(call install,$<)
	@$(call editable)
	@$(BIN)/python -m workers.compiled
	@touch $@

.venv/.installed: requirements.lock pyproject.toml | .venv/.base
	@$(call install,$<)
	@$(call editable)
	@touch $@

demo: .venv/.base ## start everything, walk 200 shopping baskets to their ends, stay up (ARGS="--once" ends by itself)
	@$(BIN)/oms demo $(ARGS)

up: .venv/.base ## start the stack on this machine and stay up
	@$(BIN)/oms up $(ARGS)

test: setup ## lint, types, import rule, replay, every test against real servers, coverage
	@$(BIN)/python -m tests.run $(ARGS)

check: setup ## for the time in between: lint, types, import rule, replay, rules, a selection of quick tests; under 2 minutes
	@$(BIN)/python -m tests.run --quick $(ARGS)

test-fast: setup ## the tests that need no server
	@$(BIN)/python -m pytest tests/domain tests/workflows/test_replay.py $(ARGS)

lint: setup ## ruff, import rule
	$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/lint-imports

fmt: setup ## format the code
	$(BIN)/ruff check --fix . ; $(BIN)/ruff format .

types: setup ## mypy, strict
	$(BIN)/mypy

torture: setup ## the fault tests in their long form (ARGS="--seed N" repeats one), many new examples for every property
	@OMS_TORTURE=1 $(BIN)/python -m pytest tests -m "faults or hypothesis or properties" $(ARGS)

bench: setup ## measure everything in bench/README.md again
	@$(BIN)/python -m bench $(ARGS)

screens: setup ## a picture of every page, at two widths, in two themes and two languages (ARGS="--only portal --out FOLDER")
	@$(BIN)/python -m tests.screens $(ARGS)

histories: setup ## record new workflow histories for the replay test
	@$(BIN)/python -m tests.workflows.record $(ARGS)

schema: setup ## write infra/db/schema anew after a migration
	@$(BIN)/python -m infra.db.schema write

.venv/.client: private BIN := .venv/client/bin
.venv/.client: requirements-client.lock | .venv/.python
	@$(PYTHON) -m venv $(if $(UV),--without-pip) .venv/client
	@$(call install,$<)
	@touch $@

client: .venv/.base .venv/.client ## write workers/demo/api_client anew after a change of the API
	@$(BIN)/python -m workers.demo.http.client_generation .venv/client/bin

LOCK := uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header -q

lock: ## write the lock files anew (needs uv)
	$(LOCK) pyproject.toml --all-extras -o requirements.lock
	$(LOCK) pyproject.toml --extra editable -c requirements.lock -o requirements-base.lock
	$(LOCK) --group client -o requirements-client.lock

clean: ## remove the virtual environment and the default data directory
	rm -rf .venv .oms
