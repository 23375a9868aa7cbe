# Each target is one command and may be run again at any time. `make serve` and `make test` need Python 3.11, nothing else.
PYTHON ?= $(shell command -v python3.11 || command -v python3 || command -v python)
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
LOCK := ../$(BIN)/uv pip compile --quiet --python-version 3.11 --no-emit-index-url --no-emit-find-links --no-header

.PHONY: setup serve test check evaluate load bench train lock clean
.DEFAULT_GOAL := help

help: ## what can be made
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

setup: $(BIN)/.serve ## the environment that serving needs

serve: $(BIN)/.serve ## start a server on port 8000 (PORT=, CONFIG=, WINNOW_HOME=); Ctrl-C stops it
	@exec $(BIN)/winnow serve $(if $(PORT),--port $(PORT)) $(if $(CONFIG),--config $(CONFIG))

test: $(BIN)/.dev $(BIN)/.train ## all tests: unit, contract, and a whole server over HTTP
	$(BIN)/python -m pytest

check: $(BIN)/.dev ## format, lint, types, direction of imports
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

evaluate: $(BIN)/.serve ## post the UCI test split to the running server and print the figures (needs WINNOW_DATA)
	$(BIN)/winnow evaluate

load: $(BIN)/.dev ## locust against the running server, headless (PROFILE=mixed, URL=); see loadtests/profiles
	$(BIN)/locust --config loadtests/profiles/$(or $(PROFILE),mixed).conf $(if $(URL),--host $(URL))

bench: $(BIN)/.dev ## Winnow beside the bare loop and other servers of the same model (needs WINNOW_DATA; an hour)
	$(BIN)/python -m loadtests.bench

train: $(BIN)/.train ## train every model from the corpora and write the artefacts to build/models (hours on 2 cores)
	$(BIN)/python -m training.recipe --config configs/training.yaml --out build/models

lock: $(BIN)/.dev ## pin what requirements/*.in name
	$(PIP) uv
	cd requirements && $(LOCK) --generate-hashes serve.in -o serve.txt && $(LOCK) --generate-hashes dev.in -o dev.txt
	cd requirements && grep -v '^torch==' train.in | $(LOCK) -c serve.txt -c dev.txt - -o train.txt && grep '^torch==' train.in >> train.txt

clean: ## remove the environment and caches; data in .winnow stay
	rm -rf $(VENV) build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

$(BIN)/.venv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11) and "Winnow needs Python 3.11; name it with PYTHON=")'
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(BIN)/.serve: $(BIN)/.venv requirements/serve.txt pyproject.toml
	@echo "installing what serving needs (about a minute)"
	$(PIP) --require-hashes -r requirements/serve.txt
	$(PIP) --no-deps --editable .
	@touch $@

$(BIN)/.dev: $(BIN)/.serve requirements/dev.txt
	$(PIP) --require-hashes -r requirements/dev.txt
	@touch $@

$(BIN)/.train: $(BIN)/.serve requirements/train.txt
	$(PIP) -r requirements/train.txt
	@touch $@
