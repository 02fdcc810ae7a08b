# make train: install, then run the main job on the built-in data set.
# make test:  install with the test extra, then run the tests: what a change is likely to break.
# make test-fast: those that train nothing and start no process, in a minute.
# make test-all: all tests; the slow ones assert the same as others, on more.
# make coverage: as make test, and says which lines no test runs.
# make lint:  style, imports, docstrings, common mistakes (ruff).
# make types: checks types (mypy).
# make docs:  install with the dev extra, then build the documentation: build/site.
# make wheel: builds what is published, build/wheel, and trains with it in an empty folder.
# make notebooks: runs the notebooks and stores their outputs in them.
# make figures: writes the figures of benchmarks/results into README, docs and recipes.
# PYTHON chooses the interpreter (3.10 to 3.13): make train PYTHON=python3.12

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/pip --disable-pip-version-check install --quiet --no-cache-dir

PYTEST := $(BIN)/python -m pytest -n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder

# The Python of .venv, from another folder.
OUTSIDE := $(abspath $(BIN))/python

.PHONY: train test test-fast test-all coverage lint types docs wheel notebooks figures clean

train: $(VENV)/.installed
	$(BIN)/python -m cv_tf.train --flagfile=configs/cvssl.cfg

test: $(VENV)/.installed-test
	$(PYTEST)

test-fast: $(VENV)/.installed-test
	$(PYTEST) -m "not integration and not slow"

test-all: $(VENV)/.installed-test
	$(PYTEST) -m ""

coverage: $(VENV)/.installed-test
	$(PYTEST) --cov

lint: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.installed-dev
	$(BIN)/mypy

docs: $(VENV)/.installed-dev
	rm -rf build/site build/doctrees
	$(BIN)/python -m sphinx --fail-on-warning --keep-going --quiet \
		-c docs -d build/doctrees . build/site
	$(BIN)/python -m docs.api.build build/site/api
	$(BIN)/python -m docs.check_links build/site

wheel: $(VENV)/.installed-dev
	rm -rf build/wheel build/lib build/outside
	$(BIN)/python -m build --wheel --outdir build/wheel .
	$(BIN)/python -m pip install --quiet --no-deps --target build/outside/packages build/wheel/*.whl
	mkdir build/outside/empty
	cd build/outside/empty && PYTHONPATH=../packages $(OUTSIDE) -c \
		'import cv_tf; assert "outside" in cv_tf.__file__, cv_tf.__file__'
	cd build/outside/empty && PYTHONPATH=../packages $(OUTSIDE) -m cv_tf.train \
		--dataset=synthetic_color_variants --data_dir=data --workdir=run --backbone=tiny \
		--weights=none --image_size=32 --steps=2 --batch_size=16 --baselines=false

notebooks: $(VENV)/.installed-test
	$(BIN)/python colab/store_outputs.py

figures: $(VENV)/.installed
	$(BIN)/python benchmarks/write_figures.py

$(VENV)/.installed: setup.cfg pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(0 if (3, 10) <= v <= (3, 13) else f"cv_tf needs Python 3.10 to 3.13, but $(PYTHON) is {v[0]}.{v[1]}. Run: make PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --no-cache-dir --upgrade pip  # an old resolver needs an hour
	$(PIP) -e .
	@touch $@

$(VENV)/.installed-test: $(VENV)/.installed
	$(PIP) -e '.[test]'
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	$(PIP) -e '.[dev]'
	@touch $@

clean:
	rm -rf $(VENV) build runs
