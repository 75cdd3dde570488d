# One word a chore. What a chore does stands in scripts/, where it can be read and run alone.

.DEFAULT_GOAL := help
.PHONY: help image test test-fast test-arm64 bench bench-builds lint format pins wheel size clean

help: ## show this list
	@sed -n 's/^\([a-z][a-z-]*\):.*## \(.*\)/  make \1 \2/p' Makefile | awk '{ printf "  %-4s %-12s ", $$1, $$2; $$1 = $$2 = ""; print substr($$0, 3) }'

image: ## build dodai:latest with bin/dodai
	@bin/dodai build

test: ## everything: linters and every tier of tests, against a real engine (as root)
	@scripts/bootstrap dev
	@.venv/bin/python scripts/test.py all

test-fast: ## the tests that need neither root nor an engine, in seconds
	@scripts/bootstrap dev
	@.venv/bin/python -m pytest

test-arm64: ## the process tests in the image for arm64, by emulation; slow (as root)
	@scripts/bootstrap dev
	@PYTHONPATH=src .venv/bin/python scripts/emulated.py arm64

bench: ## my_init beside its peers, measured: a table, numbers and a picture in bench/results (as root; RUNS=15)
	@scripts/bootstrap dev
	@PYTHONPATH=src .venv/bin/python -m bench --runs $(or $(RUNS),15)

bench-builds: ## how long builds take and what images weigh, beside minbase, in bench/results (as root; RUNS=3)
	@scripts/bootstrap dev
	@PYTHONPATH=src .venv/bin/python -m bench.builds --runs $(or $(RUNS),3)

lint: ## ruff, mypy, import-linter, shellcheck, hadolint
	@scripts/bootstrap dev
	@.venv/bin/python scripts/test.py lint

format: ## write the code as ruff formats it
	@scripts/bootstrap dev
	@.venv/bin/ruff check --fix --quiet . ; .venv/bin/ruff format .

pins: ## pin the newest versions in requirements/pins.txt
	@scripts/pins

wheel: ## build the package that pip installs, in dist/
	@scripts/bootstrap dev
	@.venv/bin/python -m hatchling build -t wheel

size: ## what weighs what in the images, with a picture, in build/size; fails when a budget is passed
	@mkdir -p build/size
	@bin/dodai size --budget --svg build/size/sizes.svg --html build/size/sizes.html

clean: ## remove .venv and what the tools keep
	rm -rf .venv build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
