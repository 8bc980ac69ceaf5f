PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test test-all check docs install bench clean

install: $(VENV)/.installed

$(VENV)/.demo-installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet -c constraints.txt torch
	$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[demo]'
	touch $@

$(VENV)/.installed: $(VENV)/.demo-installed
	$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[dev]'
	touch $@

demo: $(VENV)/.demo-installed
	$(BIN)/python -m examples.demo.run

test: install
	$(BIN)/python -m pytest -q -n auto --dist loadfile -m "not slow"

test-all: install
	$(BIN)/python -m pytest -q -n auto --dist loadfile

check: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/zensical build --strict

docs: install
	$(BIN)/python -m docs.generate
	$(BIN)/zensical build --strict --clean

bench: install
	$(BIN)/python -m benchmarks.run_all

clean:
	rm -rf $(VENV) site examples/demo/out
