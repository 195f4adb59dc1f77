# Two commands need nothing but Python 3.11 to 3.13: `make demo` and `make test`.

PYTHON ?= python3
VENV ?= .venv
RUN := $(VENV)/bin/python
# A copy of the requirements that the environment was made from, written last.
STAMP := $(VENV)/.requirements.txt
SHELL := /bin/sh
MAKEFLAGS += --no-print-directory

.DEFAULT_GOAL := help
.PHONY: help venv demo serve test lint types bench clean

help: ## List the commands.
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/make \1|\2/p' Makefile | awk -F'|' '{ printf "%-12s %s\n", $$1, $$2 }'

# An environment without its stamp was interrupted half-way: it is made anew.
venv: ## Make the virtual environment and install what is missing.
	@if cmp -s requirements.txt $(STAMP) && $(RUN) -c '' 2>/dev/null; then exit 0; fi; \
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "Python 3.11 or newer is needed; name one: make PYTHON=python3.11 ..." >&2; exit 1; }; \
	if [ -f $(STAMP) ] && $(RUN) -c '' 2>/dev/null; then rm -f $(STAMP); else \
		$(PYTHON) -m venv --clear $(VENV) || exit 1; fi; \
	echo "Installing the requirements into $(VENV) ..." >&2; \
	$(RUN) -m pip install -qq --disable-pip-version-check -r requirements.txt && \
	cp requirements.txt $(STAMP).new && mv $(STAMP).new $(STAMP)

demo: venv ## Run the main job on SQLite, without any server.
	@DJANGO_SETTINGS_MODULE=settings.demo $(RUN) manage.py migrate -v 0
	@DJANGO_SETTINGS_MODULE=settings.demo $(RUN) manage.py workflow_demo

