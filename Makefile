# Each target makes the virtual environment that it needs, under .venvs/.
PYTHON ?= python3
VENV := .venvs
PIP_INSTALL := -m pip install --quiet --disable-pip-version-check

# Many tests wait for processes of their own.
PARALLEL := -n 2 --dist worksteal

# The lowest versions that pyproject.toml admits, to the last digit.
OLDEST := "numpy==1.26.0" "scipy==1.12.0" "scikit-learn==1.7.0" "scikit-image==0.24.0" "joblib==1.4.0" "tqdm==4.66.0" "click==8.1.0" "lazy-loader==0.4" "threadpoolctl==3.1.0" "pillow==10.1.0" "tifffile==2022.8.12"

.PHONY: help demo test test-fast test-oldest fuzz docs dist-test offline-test bench lint format clean

help:  ## Show the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/'

demo: $(VENV)/demo/.installed  ## Audit a generator that memorises, on real photographs
	$(VENV)/demo/bin/gan-isi demo --output output

test: $(VENV)/test/.installed  ## Run the whole test suite, the deep family included
	$(VENV)/test/bin/python -m pytest $(PARALLEL) -m "not pages and not fuzz" --durations=20

test-fast: $(VENV)/test/.installed  ## Run the tests that take no time
	$(VENV)/test/bin/python -m pytest $(PARALLEL) -m "not slow and not pages and not fuzz"

test-oldest: $(VENV)/oldest/.installed  ## Run the quick tests with the oldest dependencies
	$(VENV)/oldest/bin/python -m pytest $(PARALLEL) -m "not slow and not pages and not fuzz"

fuzz: $(VENV)/test/.installed  ## Try hostile situations of the shell and odd calls, in minutes
	$(VENV)/test/bin/python -m pytest $(PARALLEL) -m fuzz tests/fuzz

docs: $(VENV)/docs/.installed  ## Run the pages' code and build the documentation
	$(VENV)/docs/bin/python -m pytest -m pages tests/test_pages.py
	$(VENV)/docs/bin/python -m sphinx -W --keep-going -b html docs docs/_build/html

dist-test: $(VENV)/dist/.installed  ## Build wheel and sdist, and try both in empty environments
	$(VENV)/dist/bin/python tools/dist_test.py

# A namespace without interfaces; where unprivileged users may make none: "sudo unshare --net".
UNSHARE := unshare --map-root-user --net

offline-test: $(VENV)/offline/.installed  ## Run demo, audit, verify and withhold without a network (Linux)
	$(UNSHARE) $(VENV)/offline/bin/python tools/offline_test.py

# Where the ratios go; tools/compare_bench.py compares two such files.
bench: export BENCH_JSON ?= output/bench.json
bench: $(VENV)/test/.installed  ## Measure the stages beside their peers, in several minutes
	rm -f $(BENCH_JSON)
	$(VENV)/test/bin/python benchmarks/descriptors.py
	$(VENV)/test/bin/python benchmarks/distances.py
	$(VENV)/test/bin/python benchmarks/scoring.py
	$(VENV)/test/bin/python benchmarks/fitting.py
	$(VENV)/test/bin/python benchmarks/challenge.py --quick

lint: $(VENV)/lint/.installed  ## Check style, formatting, types and which layer imports which
	$(VENV)/lint/bin/ruff check .
	$(VENV)/lint/bin/ruff format --check .
	$(VENV)/lint/bin/mypy
	$(VENV)/lint/bin/lint-imports

format: $(VENV)/lint/.installed  ## Format the code
	$(VENV)/lint/bin/ruff check --fix .
	$(VENV)/lint/bin/ruff format .

clean:  ## Remove the environments and everything built
	rm -rf $(VENV) build dist output docs/_build docs/api docs/auto_examples .pytest_cache .mypy_cache .ruff_cache .hypothesis

$(VENV)/demo/.installed: pyproject.toml
	$(PYTHON) -m venv $(VENV)/demo
	$(VENV)/demo/bin/python $(PIP_INSTALL) --editable ".[report]"
	touch $@

$(VENV)/test/.installed: pyproject.toml
	$(PYTHON) -m venv $(VENV)/test
	$(VENV)/test/bin/python $(PIP_INSTALL) --editable ".[deep,fast,test]"
	touch $@

$(VENV)/oldest/.installed: pyproject.toml Makefile
	$(PYTHON) -m venv $(VENV)/oldest
	$(VENV)/oldest/bin/python $(PIP_INSTALL) $(OLDEST) --editable ".[test]"
	touch $@

$(VENV)/docs/.installed: pyproject.toml
	$(PYTHON) -m venv $(VENV)/docs
	$(VENV)/docs/bin/python $(PIP_INSTALL) --editable ".[docs]"
	touch $@

$(VENV)/dist/.installed: Makefile
	$(PYTHON) -m venv $(VENV)/dist
	$(VENV)/dist/bin/python $(PIP_INSTALL) build twine
	touch $@

$(VENV)/offline/.installed: pyproject.toml
	$(PYTHON) -m venv $(VENV)/offline
	$(VENV)/offline/bin/python $(PIP_INSTALL) --editable ".[report]"
	touch $@

$(VENV)/lint/.installed: pyproject.toml
	$(PYTHON) -m venv $(VENV)/lint
	$(VENV)/lint/bin/python $(PIP_INSTALL) --editable ".[lint]"
	touch $@
