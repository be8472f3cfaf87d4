# make demo, make test, make bench: each does all its own set-up in the virtual environment VENV.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
# Two processes, as most tests keep one core busy; idle ones take tests from the other.
IN_PARALLEL := --numprocesses 2 --dist worksteal
export TF_CPP_MIN_LOG_LEVEL ?= 2

.PHONY: demo test quick lint bench benchmarks-page clean

$(VENV)/installed: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	touch $@

$(VENV)/installed-plot: $(VENV)/installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[plot]'
	touch $@

$(VENV)/installed-test: $(VENV)/installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[test]'
	touch $@

demo: $(VENV)/installed-plot
	$(BIN)/python examples/plot_two_moons.py --output two_moons.png

test: $(VENV)/installed-test lint
	$(BIN)/python -m pytest $(IN_PARALLEL)

quick: $(VENV)/installed-test
	$(BIN)/python -m pytest $(IN_PARALLEL) -m "not slow and not peers and not gpu"

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

clean:
	rm -rf $(VENV)
