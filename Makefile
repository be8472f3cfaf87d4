# make demo, make test, make bench, make docs: each does all its own set-up in the virtual environment VENV.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
# Two processes, as most tests keep one core busy; idle ones take tests from the other.
IN_PARALLEL := --numprocesses 2 --dist worksteal
QUICK := "not slow and not peers and not gpu"
export TF_CPP_MIN_LOG_LEVEL ?= 2

.PHONY: demo test quick coverage lint bench benchmarks-page docs linkcheck clean

$(VENV)/installed: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	touch $@

$(VENV)/installed-plot: $(VENV)/installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[tensorflow,plot]'
	touch $@

$(VENV)/installed-test: $(VENV)/installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[test]'
	touch $@

$(VENV)/installed-docs: $(VENV)/installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[docs]'
	touch $@

demo: $(VENV)/installed-plot
	$(BIN)/python examples/plot_two_moons.py --output two_moons.png

test: $(VENV)/installed-test lint
	$(BIN)/python -m pytest $(IN_PARALLEL)

quick: $(VENV)/installed-test
	$(BIN)/python -m pytest $(IN_PARALLEL) -m $(QUICK)

# Lines and branches that the quick tests reach, and those that they do not; fails below 95%.
coverage: $(VENV)/installed-test
	$(BIN)/python -m pytest $(IN_PARALLEL) -m $(QUICK) --cov --cov-report=term-missing:skip-covered

lint: $(VENV)/installed-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/numpydoc lint $$(find sklip -name '*.py')
	$(BIN)/mypy

bench: $(VENV)/installed-test
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[benchmarks]'
	benchmarks/peers/setup.sh
	for script in benchmarks/bench_*.py; do $(BIN)/python $$script || exit 1; done
	KERAS_BACKEND=jax $(BIN)/python benchmarks/bench_gpu.py
	$(MAKE) benchmarks-page

# docs/benchmarks.md, of the figures that are there; needs no environment.
benchmarks-page:
	$(PYTHON) benchmarks/make_page.py

# The site, in docs/_build/html; warnings and links that lead nowhere are errors.
docs: $(VENV)/installed-docs
	MPLBACKEND=agg $(BIN)/python -m sphinx -W --keep-going -b html docs docs/_build/html
	$(BIN)/python docs/check_links.py docs/_build/html

# Links to other sites; needs a network.
linkcheck: $(VENV)/installed-docs
	$(BIN)/python -m sphinx -b linkcheck -D plot_gallery=0 docs docs/_build/linkcheck

clean:
	rm -rf $(VENV) docs/_build docs/auto_examples docs/api/generated
