# Tollgate. Needs python3.13, git and make; everything else is installed into .tools/ and .venv/ from hashed files,
# through the machine's own pip configuration.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

PYTHON   ?= python3.13
TOOLS    := .tools
UV       := $(TOOLS)/uv/bin/uv
BIN      := .venv/bin
UV_READY   := $(TOOLS)/uv/.ready
SAM_READY  := $(TOOLS)/sam/.ready
AWS_READY  := $(TOOLS)/ministack/.ready
VENV_READY := .venv/.ready
export SAM_CLI_TELEMETRY := 0
export UV_PYTHON_DOWNLOADS := never

COMPILE := $(UV) pip compile --quiet --universal --python-version 3.13 --generate-hashes \
           --no-emit-index-url --no-emit-find-links --no-header --python $(BIN)/python
LAYER_LOCK := layers/dependencies/requirements.txt
DEV_LOCK   := requirements-dev.txt

.PHONY: help
help: ## This list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# --- run ------------------------------------------------------------------------------------------------------------

.PHONY: run up down reset mails screenshots bench
run: up ## Bring the system up on this machine and play the demo through it
	$(BIN)/python -m local.demo

up: $(VENV_READY) $(SAM_READY) $(AWS_READY) ## Run the real template here: local AWS, Stripe stand-in, gateway
	$(BIN)/python -m local.up

down: $(VENV_READY) ## Stop what `up` started; its state is kept
	$(BIN)/python -m local.down

reset: $(VENV_READY) ## Stop and wipe the local state
	$(BIN)/python -m local.reset

mails: $(VENV_READY) ## List the mails the local system sent, and where to open them
	$(BIN)/python -m local.mails

screenshots: $(VENV_READY) $(SAM_READY) $(AWS_READY) ## Every page in light, dark and on a phone, into docs/screenshots (needs Chromium)
	$(BIN)/python -m local.showroom.shots

bench: $(VENV_READY) $(AWS_READY) ## Measure throughput and cost per message, into docs/benchmarks.md
	$(BIN)/python -m local.bench

# --- checks ---------------------------------------------------------------------------------------------------------

.PHONY: test check lint types imports template lock-check no-index
# ARGS picks tests, such as ARGS="tests/domain -k rates"; a part of the suite is not held to the coverage of the whole.
test: $(VENV_READY) $(SAM_READY) $(AWS_READY) ## Every test, with branch coverage of the domain (100 % or it fails)
	$(BIN)/pytest $(if $(ARGS),$(ARGS),--cov --cov-report=term)

check: lint types imports no-index lock-check template ## Every check that is not a test

lint: $(VENV_READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: $(VENV_READY)
	$(BIN)/mypy

imports: $(VENV_READY)
	$(BIN)/lint-imports

template: $(VENV_READY) $(SAM_READY)
	AWS_DEFAULT_REGION=eu-west-1 AWS_EC2_METADATA_DISABLED=true PATH="$(CURDIR)/$(TOOLS)/sam/bin:$$PATH" \
	  $(TOOLS)/sam/bin/sam validate --lint --template template.yaml

# An index belongs to the machine's configuration: a file that named one would break everybody else's.
no-index:
	@! git grep -nIE --untracked -e '--(extra-)?index-ur[l]|--find-link[s]|py[p]i\.org|pythonhoste[d]' \
	  || { echo 'no-index: the files above name a package index or host'; exit 1; }
	@! grep -nE 'https?://' $(LAYER_LOCK) $(DEV_LOCK) local/tools/*.txt \
	  || { echo 'no-index: a lock file holds an address'; exit 1; }

# --- locks ----------------------------------------------------------------------------------------------------------

.PHONY: lock
lock: $(UV_READY) ## Compile the hashed requirements files again (UPGRADE=1 to move versions)
	@test -x $(BIN)/python || $(UV) venv --quiet --python $(TOOLS)/uv/bin/python .venv
	$(COMPILE) $(if $(UPGRADE),--upgrade) pyproject.toml -o $(LAYER_LOCK)
	$(COMPILE) $(if $(UPGRADE),--upgrade) pyproject.toml --extra cli --group dev -c $(LAYER_LOCK) -o $(DEV_LOCK)
	for tool in uv sam ministack; do \
	  $(COMPILE) $(if $(UPGRADE),--upgrade) local/tools/$$tool.in -o local/tools/$$tool.txt; done

# Compiles into a copy, which uv reads as its preferences: nothing moves unless pyproject.toml asks for it.
lock-check: $(VENV_READY)
	@copy=$$(mktemp -d) && trap 'rm -rf "$$copy"' EXIT && \
	cp $(LAYER_LOCK) $$copy/layer.txt && cp $(DEV_LOCK) $$copy/dev.txt && \
	$(COMPILE) pyproject.toml -o $$copy/layer.txt >/dev/null && \
	$(COMPILE) pyproject.toml --extra cli --group dev -c $(LAYER_LOCK) -o $$copy/dev.txt >/dev/null && \
	{ diff -u $(LAYER_LOCK) $$copy/layer.txt && diff -u $(DEV_LOCK) $$copy/dev.txt; } \
	  || { echo 'lock-check: pyproject.toml and the lock files disagree; run `make lock`'; exit 1; }

# --- tools ----------------------------------------------------------------------------------------------------------

$(UV_READY): local/tools/uv.txt
	@test -x $(TOOLS)/uv/bin/pip || $(PYTHON) -m venv $(TOOLS)/uv
	@$(TOOLS)/uv/bin/pip install --quiet --disable-pip-version-check --require-hashes -r local/tools/uv.txt
	@touch $@

$(VENV_READY): $(UV_READY) $(DEV_LOCK) pyproject.toml
	@test -x $(BIN)/python || $(UV) venv --quiet --python $(TOOLS)/uv/bin/python .venv
	$(UV) pip sync --quiet --require-hashes --python $(BIN)/python $(DEV_LOCK)
	@$(UV) pip install --quiet --no-deps --no-build-isolation --python $(BIN)/python -e .
	@touch $@

# The SAM command needs a python3.13 that has pip, first on PATH: its environment is one.
$(SAM_READY): $(UV_READY) local/tools/sam.txt
	@test -x $(TOOLS)/sam/bin/pip || $(PYTHON) -m venv $(TOOLS)/sam
	$(UV) pip install --quiet --require-hashes --python $(TOOLS)/sam/bin/python -r local/tools/sam.txt
	@touch $@

# Its interpreter runs the functions. It cannot share an environment with the product: it pins an older SDK.
$(AWS_READY): $(UV_READY) local/tools/ministack.txt
	@test -x $(TOOLS)/ministack/bin/python || $(UV) venv --quiet --python $(TOOLS)/uv/bin/python $(TOOLS)/ministack
	$(UV) pip sync --quiet --require-hashes --python $(TOOLS)/ministack/bin/python local/tools/ministack.txt
	@touch $@
