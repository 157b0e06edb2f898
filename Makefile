# The two commands to know: `make demo` and `make test`. Both need Python 3.11 or newer, make and a package index.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test check check-style docs bench format clean

demo: $(VENV)/.installed ## train the book's network on the whole of MNIST and draw its pictures
	$(BIN)/pellucid train --out runs/demo --overwrite

test: $(VENV)/.installed-dev ## run the tests
	$(BIN)/pytest -n 2

check: check-style test ## format, lint, types, tests

check-style: $(VENV)/.installed-dev
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy

docs: $(VENV)/.installed-docs ## the guides and the reference as a site: docs/_build/index.html
	$(BIN)/python -m sphinx -E -W --keep-going -q docs docs/_build

bench: $(VENV)/.installed-bench ## time training and explanations beside PyTorch, captum, JAX, TensorFlow and scikit-learn
	$(BIN)/python -m benchmarks

format: $(VENV)/.installed-dev ## bring the code to the house's format
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

clean:
	rm -rf $(VENV) runs docs/_build

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Pellucid needs Python 3.11 or newer: make PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: $(VENV)/bin/python pyproject.toml
	$(BIN)/python -m pip install --quiet --editable '.[all]'
	touch $@

$(VENV)/.installed-dev: $(VENV)/bin/python pyproject.toml
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	touch $@ $(VENV)/.installed

$(VENV)/.installed-docs: $(VENV)/bin/python pyproject.toml
	$(BIN)/python -m pip install --quiet --editable '.[docs]'
	touch $@

$(VENV)/.installed-bench: $(VENV)/bin/python pyproject.toml benchmarks/requirements.txt
	$(BIN)/python -m pip install --quiet --editable '.[all]' --requirement benchmarks/requirements.txt
	touch $@ $(VENV)/.installed
