# The two commands to know: `make demo` and `make test`. Both need Python 3.11 or newer, make and a package index.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test check check-style bench fuzz guards format clean

demo: $(VENV)/.installed ## train the book's network on the whole of MNIST and draw its pictures
	$(BIN)/pellucid train --out runs/demo --overwrite

test: $(VENV)/.installed-dev ## run the tests
	$(BIN)/pytest -n 2

check: check-style test ## format, lint, types, tests

check-style: $(VENV)/.installed-dev
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy

fuzz: $(VENV)/.installed-dev ## 50,000 wrong calls, 200,000 damaged files, 50,000 programs of random use: an hour or two
	cd tests && ../$(BIN)/python -m fuzz.calls --number 50000
	cd tests && ../$(BIN)/python -m fuzz.files --number 200000
	PELLUCID_RUNS=50000 $(BIN)/pytest tests/test_random_use.py

guards: $(VENV)/.installed-dev ## 20,000 geometries, and the tests of kernels and layers, with guard pages round every array
	for side in end start; do \
	  (cd tests && ../$(BIN)/python -m fuzz.geometries --number 10000 --guard $$side) && \
	  GUARD=$$side PYTHONPATH=tests $(BIN)/pytest -p fuzz.guard tests/kernels tests/layers || exit 1; \
	done

bench: $(VENV)/.installed-bench ## time training and explanations beside PyTorch, captum, JAX, TensorFlow and scikit-learn
	$(BIN)/python -m benchmarks

format: $(VENV)/.installed-dev ## bring the code to the house's format
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

clean:
	rm -rf $(VENV) runs

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Pellucid needs Python 3.11 or newer: make PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: $(VENV)/bin/python pyproject.toml
	$(BIN)/python -m pip install --quiet --editable '.[all]'
	touch $@

$(VENV)/.installed-dev: $(VENV)/bin/python pyproject.toml
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	touch $@ $(VENV)/.installed

$(VENV)/.installed-bench: $(VENV)/bin/python pyproject.toml benchmarks/requirements.txt
	$(BIN)/python -m pip install --quiet --editable '.[all]' --requirement benchmarks/requirements.txt
	touch $@ $(VENV)/.installed
