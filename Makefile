# The two commands to know: `make demo` and `make test`. Both need Python 3.11 or newer, make and a package index.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test peers chromium machines dist docs check check-style bench fuzz guards format clean

demo: $(VENV)/.installed ## train the book's network on the whole of MNIST and draw its pictures
	$(BIN)/pellucid train --out runs/demo --overwrite

test: $(VENV)/.installed-dev ## run the tests
	$(BIN)/pytest -n 2

# The files that ask for a judge from outside: importorskip, or tests/peers.py.
JUDGED = $(shell grep -rlE 'importorskip|from peers|import peers|needs_numba' tests --include='test_*.py')

peers: $(VENV)/.installed-peers chromium ## run the tests that need PyTorch, captum, JAX, ONNX, a browser …; none is skipped
	$(BIN)/pytest -n 2 --no-skips $(JUDGED)

chromium:
	@command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null || \
	{ test "$$(id -u)" = 0 && command -v apt-get >/dev/null && apt-get update -qq && apt-get install -yqq chromium; } || \
	{ echo "make peers: a browser is needed. Install chromium, for example: sudo apt-get install chromium" >&2; exit 2; }

dist: $(VENV)/.installed-dist ## build wheel and source distribution in dist/, and check what is in them
	rm -rf dist $(VENV)/wheel
	$(BIN)/python -m build --no-isolation --outdir dist >/dev/null
	$(BIN)/python -m twine check --strict dist/*
	$(BIN)/check-wheel-contents dist/*.whl
	$(PYTHON) -m venv $(VENV)/wheel
	$(VENV)/wheel/bin/python -m pip install --quiet "$$(ls $$PWD/dist/*.whl)[dev]"
	$(BIN)/python tests/distribution.py dist $(VENV)/wheel/bin/python

machines: dist ## run the kernel and layer tests without AVX-512, without Numba, and on one core from the wheel
	$(BIN)/python tests/machines.py --wheel $(VENV)/wheel/bin/python

check: check-style test ## format, lint, types, tests

check-style: $(VENV)/.installed-dev
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy

fuzz: $(VENV)/.installed-dev ## 50,000 wrong calls, 200,000 damaged files, 50,000 programs of random use: an hour or two
	cd tests && ../$(BIN)/python -m fuzz.calls --number 50000
	cd tests && ../$(BIN)/python -m fuzz.files --number 200000
	cd tests && ../$(BIN)/python -m fuzz.bombs
	PELLUCID_RUNS=50000 $(BIN)/pytest tests/test_random_use.py

guards: $(VENV)/.installed-dev ## 20,000 geometries, and the tests of kernels and layers, with guard pages round every array
	for side in end start; do \
	  (cd tests && ../$(BIN)/python -m fuzz.geometries --number 10000 --guard $$side) && \
	  GUARD=$$side PYTHONPATH=tests $(BIN)/pytest -p fuzz.guard tests/kernels tests/layers || exit 1; \
	done

docs: $(VENV)/.installed-docs ## the guides and the reference as a site: docs/_build/index.html
	$(BIN)/python -m sphinx -E -W --keep-going -q docs docs/_build

bench: $(VENV)/.installed-bench ## time training and explanations beside PyTorch, captum, JAX, TensorFlow and scikit-learn
	$(BIN)/python -m benchmarks

format: $(VENV)/.installed-dev ## bring the code to the house's format
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

clean:
	rm -rf $(VENV) runs dist docs/_build docs/jupyter_execute

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Pellucid needs Python 3.11 or newer: make PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: $(VENV)/bin/python pyproject.toml
	$(BIN)/python -m pip install --quiet --editable '.[all]'
	touch $@

$(VENV)/.installed-dev: $(VENV)/bin/python pyproject.toml
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	touch $@ $(VENV)/.installed

$(VENV)/.installed-peers: $(VENV)/.installed-dev tests/peers.txt tests/peers-files.txt
	$(BIN)/python -m pip install --quiet --editable '.[dev,docs]' --requirement tests/peers.txt
	$(BIN)/python -m pip install --quiet --no-deps --requirement tests/peers-files.txt
	$(BIN)/python -m pip install --quiet --no-deps 'tf_keras==2.21.*'  # it would bring TensorFlow with CUDA
	touch $@

$(VENV)/.installed-dist: $(VENV)/.installed-dev
	$(BIN)/python -m pip install --quiet --editable '.[dev,dist]'
	touch $@

$(VENV)/.installed-docs: $(VENV)/bin/python pyproject.toml
	$(BIN)/python -m pip install --quiet --editable '.[docs]'
	touch $@

$(VENV)/.installed-bench: $(VENV)/bin/python pyproject.toml benchmarks/requirements.txt
	$(BIN)/python -m pip install --quiet --editable '.[all]' --requirement benchmarks/requirements.txt
	touch $@ $(VENV)/.installed
