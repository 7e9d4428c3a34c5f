# make report    trains what is missing, measures and renders reports/index.html
# make test      the tests, in tox's environment of their own
# make quick     the tests that need no torch, no browser and no process: under a minute
# make check     ruff and mypy
# make docs      builds site/index.html, the documentation; a warning is an error
# make clean     removes the environments and the site; results/ and reports/ stay
#
# Options: make report ARGS="--dataset mnist5k" SEEDS=0-29; make test ARGS="-k claims";
# make report PYTHON=python3.12; make test TESTS=locked, with the files that CI installs.

PYTHON ?= python3
SEEDS ?= 5
ARGS ?=
TESTS ?= tests

VENV := .venv
IN_VENV := $(VENV)/bin/python
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: report test quick check docs clean help
.DELETE_ON_ERROR:

report: $(VENV)/.installed
	$(IN_VENV) -m bench all --seeds $(SEEDS) $(ARGS)

# The tests live in .tox/tests, so that .venv needs no torch for them: a machine that only tests
# installs it once.
test: $(VENV)/.tox-installed
	$(IN_VENV) -m tox run -e $(TESTS) $(if $(ARGS),-- $(ARGS))

quick: $(VENV)/.tox-installed
	$(IN_VENV) -m tox run -q -e tests -- -m quick -n auto --dist loadfile --no-loadscope-reorder $(ARGS)

check: $(VENV)/.tox-installed
	$(IN_VENV) -m tox run -e lint,types

docs: $(VENV)/.docs-installed
	$(IN_VENV) -m sphinx --fail-on-warning --keep-going --fresh-env --quiet docs site
	@rm -rf site/.doctrees

help:
	@sed -n 's/^# \{0,1\}//p' $(firstword $(MAKEFILE_LIST)) | sed '/^$$/q'

clean:
	rm -rf $(VENV) .tox site

# A stamp is written only after its install ended well, and is out of date once pyproject.toml
# changes; so a second call starts at once, and an interrupted one goes on.
$(VENV)/.installed: pyproject.toml | $(IN_VENV)
	$(IN_VENV) -m pip install --editable .
	@touch $@

$(VENV)/.docs-installed: pyproject.toml | $(IN_VENV)
	$(IN_VENV) -m pip install --editable '.[docs]'
	@touch $@

$(VENV)/.tox-installed: pyproject.toml | $(IN_VENV)
	$(IN_VENV) -m pip install 'tox>=4.23'
	@touch $@

$(IN_VENV):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo 'Python 3.11 or newer is needed: install one, then run make with PYTHON=python3.12' >&2; \
	  exit 2; }
	@$(PYTHON) -m venv $(VENV) || { \
	  rm -rf $(VENV); \
	  echo 'cannot make .venv: install the venv module (Debian, Ubuntu: apt-get install python3-venv)' >&2; \
	  exit 2; }
