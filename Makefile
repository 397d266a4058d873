# make demo    the main job, on a fresh machine: fine-tune a shipped backbone on real digits
# make quick   the laws of the core, at each change: sharing, data, tasks, the registry, the house
# make test    every test
# make check   lint, format and types
# All make their own environment in .venv; they need Python 3.11 or newer and a package index.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet -c constraints.txt
export TF_CPP_MIN_LOG_LEVEL ?= 3

QUICK := tests/house tests/sharing tests/data tests/tasks tests/fingerprints $(wildcard tests/test_*.py)

.PHONY: demo quick test check format clean

demo: $(VENV)/.demo
	$(BIN)/wszoo finetune digits --backbone conv_net.omniglot --compare \
	  --labels-per-class 5 --labels-per-class 20 --seeds 5 --out runs/demo
	@echo "Open runs/demo/curves.png; load runs/demo/model.keras with wszoo.load."

quick: $(VENV)/.test
	$(BIN)/python -m pytest -n 2 --dist loadgroup -m "not slow and not data" $(QUICK) $(PYTEST_ARGS)

test: $(VENV)/.test
	$(BIN)/python -m pytest -n 2 --dist loadgroup $(PYTEST_ARGS)

check: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(VENV)/.dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

$(VENV)/.python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "wszoo needs Python 3.11 or newer; $(PYTHON) is" \
	         "$$($(PYTHON) --version 2>&1). Name another: make PYTHON=python3.12 …"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	touch $@

$(VENV)/.demo: $(VENV)/.python pyproject.toml constraints.txt
	$(PIP) -e .
	touch $@

$(VENV)/.test: $(VENV)/.python pyproject.toml constraints.txt
	$(PIP) -e '.[test]'
	touch $@

$(VENV)/.dev: $(VENV)/.python pyproject.toml constraints.txt
	$(PIP) -e '.[dev]'
	touch $@

clean:
	rm -rf $(VENV) build dist runs .pytest_cache .mypy_cache .ruff_cache .hypothesis
