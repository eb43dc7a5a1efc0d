# `make demo` and `make test` set up everything that they need in .venv, from nothing but Python 3.11 or later.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test test-quick test-wheel lint reproduce reproduce-quick bench bench-bounds bench-imaging bench-design coverage kills fuzz clean

demo: $(VENV)/.installed
	@$(BIN)/python -m ideal.datasets.demo build/demo
	$(BIN)/ideal estimate build/demo/sharp-100-photons.h5 build/demo/defocused-100-photons.h5 \
	  build/demo/sharp-25-photons.h5 --plot build/demo/ranking.png --force
	@echo "figure: build/demo/ranking.png"

test: $(VENV)/.tested
	$(BIN)/python -m pytest -n 2

# Tests of what a wheel can lack: files, data, commands. `make test-wheel WHEEL_TESTS=../../tests` runs all of them against it.
WHEEL_TESTS := $(addprefix ../../tests/,test_packaging.py $(addprefix cli/test_,help.py estimate.py report.py systems.py data.py) \
  imaging/test_interferometer_sites.py formats/test_readers.py)

# What a change is tried by while it is made: half of the time of `make test`.
test-quick: $(VENV)/.tested
	$(BIN)/python -m pytest -n 2 -m "not slow and not browser"

# Some tests against the built wheel, in an environment of its own, from a folder that does not hold the sources.
test-wheel: $(VENV)/.tested
	rm -rf build/wheel build/wheel-venv && mkdir -p build
	$(BIN)/python -m build --wheel --outdir build/wheel . > build/wheel.log
	$(PYTHON) -m venv build/wheel-venv
	build/wheel-venv/bin/pip install --quiet "$$(ls build/wheel/*.whl)[test]"
	cd build/wheel && ../wheel-venv/bin/python -P -c "import ideal, sys; sys.exit('site-packages' not in ideal.__file__)"
	cd build/wheel && ../wheel-venv/bin/pytest -n 2 $(WHEEL_TESTS)

lint: $(VENV)/.tested
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# Published results made again: a folder for each study, and one page of all. What has been done is not done again. With IDEAL_DATA
# on its photographs and pictures, without it on bundled ones. On two cores the quick one takes 11 minutes, the full one 64.
reproduce: $(VENV)/.installed
	$(BIN)/ideal reproduce all --out build/reproduction
	$(BIN)/ideal report build/reproduction/* -o build/reproduction.html --force

reproduce-quick: $(VENV)/.installed
	$(BIN)/ideal reproduce all --quick --out build/reproduction-quick
	$(BIN)/ideal report build/reproduction-quick/* -o build/reproduction-quick.html --force

# One JSON line each; the README's tables quote them. Against the authors' package: see benchmarks/peer.py.
bench: $(VENV)/.tested
	$(BIN)/python benchmarks/noise_entropy.py
	$(BIN)/python benchmarks/tightness.py
	$(BIN)/python benchmarks/speed.py
	$(BIN)/python benchmarks/memory.py
	$(BIN)/python benchmarks/coverage.py --quick
	$(BIN)/python benchmarks/attribution.py --quick

# Trained models: bounds against CPU time, known truths, labels. About an hour; needs the data folder named by IDEAL_DATA.
bench-bounds: $(VENV)/.tested
	$(BIN)/python benchmarks/bounds.py --plot build/bounds.png
	$(BIN)/python benchmarks/task_information.py --photons 100 --shuffled
	$(BIN)/python benchmarks/pixel_cnn.py

# Simulation: speed and memory against targets and peers; the published order of systems (half an hour; IDEAL_DATA where there is one).
bench-imaging: $(VENV)/.tested
	$(BIN)/python benchmarks/lensless.py
	$(BIN)/python benchmarks/interferometer.py
	$(BIN)/python benchmarks/microscope.py
	$(BIN)/python benchmarks/simulation.py
	$(BIN)/python benchmarks/published_order.py

# Design: time and memory of objectives, targets of mosaics, lenslets, LEDs and sites (an hour and a half; IDEAL_DATA where there is one).
bench-design: $(VENV)/.tested
	$(BIN)/python benchmarks/objectives.py
	$(BIN)/python benchmarks/density_objective.py --side 12 --steps 60 --count 1500 --fit-steps 20
	$(BIN)/python benchmarks/mosaics.py --count 12000 --effort 0
	$(BIN)/python benchmarks/lensless_design.py
	$(BIN)/python benchmarks/led_design.py --photons 50
	$(BIN)/python benchmarks/site_selection.py

# Commands killed at every change of a file and at 50 random moments each, and given again: the same bytes as unbroken (hours).
kills: $(VENV)/.tested
	$(BIN)/python tests/fixtures/kill.py estimate labels optimize choose simulate reproduce --random 50

# Inputs that are wrong at random, of all groups, for an hour (`make fuzz MINUTES=5`); what breaks a command is kept in build/fuzz.
MINUTES ?= 60
fuzz: $(VENV)/.tested
	PYTHONPATH=tests $(BIN)/python -m fuzz.search --minutes $(MINUTES)

# 200 replications of closed-form cases: how often the interval holds the truth.
coverage: $(VENV)/.tested
	$(BIN)/python benchmarks/coverage.py
	$(BIN)/python benchmarks/hard_intervals.py

clean:
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .ruff_cache .mypy_cache

$(VENV)/bin/python:
	@$(PYTHON) -c "import sys; sys.exit(sys.version_info < (3, 11))" || \
	  { echo "ideal needs Python 3.11 or later; name one: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: $(VENV)/bin/python pyproject.toml
	$(BIN)/pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(VENV)/.tested: $(VENV)/.installed
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@
