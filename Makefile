PYTHON ?= python3
PORT ?= 8000
VENV := .venv
PIP := $(VENV)/bin/pip --quiet --disable-pip-version-check

.PHONY: install dev prod-like test lint format bench
.DEFAULT_GOAL := dev

install: $(VENV)/installed

$(VENV)/installed: requirements.txt
	@command -v $(PYTHON) >/dev/null || { echo "Signalbox needs Python 3.11 or newer; '$(PYTHON)' was not found. On Debian or Ubuntu: apt install python3 python3-venv python3-pip"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Signalbox needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) -V). Install a newer one and say which: make install PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { echo "$(PYTHON) comes without venv or pip. On Debian or Ubuntu: apt install python3-venv python3-pip"; exit 1; }
	@echo "Installing Signalbox's requirements into $(VENV) (once; a minute or so)"
	@$(PYTHON) -m venv $(VENV)
	@$(PIP) install -r requirements.txt
	@touch $@

$(VENV)/installed-test: requirements-test.txt $(VENV)/installed
	@echo "Installing what the tests need into $(VENV)"
	@$(PIP) install -r requirements-test.txt
	@touch $@

dev: install
	@exec $(VENV)/bin/python manage.py dev --port $(PORT)

prod-like: install
	@exec $(VENV)/bin/python -m scripts.prodlike --port $(PORT)

test: $(VENV)/installed-test
	@$(VENV)/bin/python -m scripts.check

lint: $(VENV)/installed-test
	@$(VENV)/bin/python -m scripts.check --lint

format: $(VENV)/installed-test
	@$(VENV)/bin/ruff check --fix-only --quiet .
	@$(VENV)/bin/ruff format .

bench: install
	@$(VENV)/bin/python manage.py bench
