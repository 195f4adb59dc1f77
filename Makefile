# Two commands need nothing but Python 3.11 to 3.13: `make demo` and `make test`.

PYTHON ?= python3
VENV ?= .venv
RUN := $(VENV)/bin/python
DEMO := DJANGO_SETTINGS_MODULE=settings.demo $(RUN) manage.py
# A copy of the requirements that the environment was made from, written last.
STAMP := $(VENV)/.requirements.txt
SHELL := /bin/sh
MAKEFLAGS += --no-print-directory

.DEFAULT_GOAL := help
.PHONY: help venv demo serve test lint types bench clean

help: ## List the commands.
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/make \1|\2/p' Makefile | awk -F'|' '{ printf "%-12s %s\n", $$1, $$2 }'

# An environment without its stamp was interrupted half-way: it is made anew. The
# lock is held by everything this starts, so that a second `make`, or one after an
# interrupted one whose pip still runs, waits instead of writing between.
venv: ## Make the virtual environment and install what is missing.
	@is_made() { cmp -s requirements.txt $(STAMP) && $(RUN) -c '' 2>/dev/null; }; \
	is_made && exit 0; \
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "Python 3.11 or newer is needed; name one: make PYTHON=python3.11 ..." >&2; exit 1; }; \
	exec 9>.venv.lock; \
	$(PYTHON) -c 'import fcntl; fcntl.flock(9, fcntl.LOCK_EX)' || exit 1; \
	is_made && exit 0; \
	if [ -f $(STAMP) ] && $(RUN) -c '' 2>/dev/null; then rm -f $(STAMP); else \
		$(PYTHON) -m venv --clear $(VENV) || exit 1; fi; \
	echo "Installing the requirements into $(VENV) ..." >&2; \
	$(RUN) -m pip install -qq --disable-pip-version-check -r requirements.txt && \
	cp requirements.txt $(STAMP).new && mv $(STAMP).new $(STAMP)

demo: venv ## Run the main job on SQLite, without any server.
	@$(DEMO) migrate -v 0
	@$(DEMO) workflow_demo --served-by "make serve"

serve: venv ## Serve the admin of the demo on 127.0.0.1:8000 or the next free port.
	@$(DEMO) migrate -v 0
	@$(DEMO) workflow_demo --login
	@DJANGO_SETTINGS_MODULE=settings.demo exec $(RUN) -m settings.serve

test: venv ## Run every test on PostgreSQL and Redis, then what SQLite can run there.
	@$(RUN) -m pytest
	@WORKFLOW_TEST_DB=sqlite $(RUN) -m pytest -m "not postgres"

lint: venv ## Check style, form, and that there is a migration for every model.
	@$(RUN) -m ruff check .
	@$(RUN) -m ruff format --check .
	@WORKFLOW_TEST_DB=sqlite $(RUN) manage.py makemigrations --check --dry-run \
		--settings settings.test

types: venv ## Check types and the contracts between modules.
	@$(RUN) -m mypy
	@$(VENV)/bin/lint-imports --no-cache

bench: venv ## Run the benchmarks side by side with their peers.
	@DJANGO_SETTINGS_MODULE=settings.test $(RUN) -m tests.servers $(RUN) -m benchmarks

clean: ## Remove everything that was made, the demo's data and the environment too.
	@rm -rf $(VENV) .venv.lock data build dist *.egg-info .coverage htmlcov .hypothesis
	@rm -rf .mypy_cache .pytest_cache .ruff_cache .import_linter_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
