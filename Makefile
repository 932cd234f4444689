# One word for everything that is done often. `make` alone lists the words.
PYTHON ?= python3
export PIP_CONSTRAINT ?= $(CURDIR)/constraints.txt

.DEFAULT_GOAL := help
.PHONY: help setup check lint types layers test fast bench contracts figures pictures

help: ## List these commands
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 12

setup: ## Install the package for development, in the pinned versions
	$(PYTHON) -m pip install --quiet -e '.[dev]'

check: lint types layers test ## Everything that must pass before a change is merged

lint: ## Style and format
	$(PYTHON) -m ruff check
	$(PYTHON) -m ruff format --check

types: ## Types, strictly
	$(PYTHON) -m pyright

layers: ## Which package may import which
	lint-imports

test: ## The whole test suite, in parallel
	$(PYTHON) -m pytest

fast: ## The pure modules and the contracts, in about a minute on two idle cores
	$(PYTHON) -m pytest -m fast

bench: ## Take the times in BENCHMARKS.md again
	$(PYTHON) -m pip install --quiet -e '.[dev,bench]'
	$(PYTHON) -m bench --write

contracts: ## Rewrite the published contracts and the pinned answers; review the diff
	$(PYTHON) -m pytest -n 0 --inline-snapshot=create,fix tests/contract

figures: ## Rewrite the generated tables in README.md, BENCHMARKS.md and docs/
	$(PYTHON) -m pytest -n 0 tests/contract/test_budgets.py tests/documents --write-figures --write-tables

pictures: ## Draw the pictures in docs/ again
	$(PYTHON) docs/pictures.py
