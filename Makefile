# `make` lists the targets. `make train` and `make test` need nothing before them but Python and make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SOURCES := src tests benchmarks datasets
# each core has a process with tests: threads of their matrix products would wait for one another
PYTEST = OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --dist worksteal

PAGES := README.md $(wildcard docs/*.md docs/*/*.md)

.PHONY: help train test test-long check lint types transcripts renew docs fuzz bench mnist tabular text wheel lowest pythons clean
.DEFAULT_GOAL := help

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

train: $(VENV)/installed  ## train on the bundled digits, evaluate, predict through a pipe
	$(BIN)/nncli train digits --model mlp --hidden 64 -o digits.npz
	$(BIN)/nncli eval digits.npz
	head -6 datasets/digits.csv | $(BIN)/nncli predict digits.npz

test: $(VENV)/installed-dev  ## run the tests, on all cores (5 minutes on two)
	$(PYTEST) -m "not long"

test-long: $(VENV)/installed-dev  ## run the long tests: thousands of generated files, kills at every moment, every flipped bit
	$(PYTEST) -m long -o faulthandler_timeout=1800

check: lint types transcripts docs wheel lowest  ## lint, types, documented transcripts, the docs, the wheel, the lowest versions

lint: $(VENV)/installed-dev  ## style and likely mistakes
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/ruff format --check $(SOURCES)

types: $(VENV)/installed-dev  ## strict types
	$(BIN)/mypy

transcripts: $(VENV)/installed-dev  ## check that README and docs show what the program really prints
	$(BIN)/python tests/transcripts.py --check $(PAGES)
	$(BIN)/python docs/man.py --check

renew: $(VENV)/installed-dev  ## put into README, docs and man pages what the program prints now
	$(BIN)/python tests/transcripts.py --write $(PAGES)
	$(BIN)/python docs/picture.py
	$(BIN)/python docs/man.py

docs: $(VENV)/installed-dev  ## build the documentation as a site in build/site
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --quiet

fuzz: $(VENV)/installed-dev  ## a million mutations each of model, CSV and IDX files, and 300 kills (two hours)
	NNCLI_EXAMPLES=1000000 NNCLI_KILLS=300 $(PYTEST) -m long -o faulthandler_timeout=0 tests/test_fuzz.py tests/test_resume_killed.py

bench: $(VENV)/installed-bench  ## time nncli against its peers (25 minutes; MNIST=FOLDER of IDX files, ADULT=FILE)
	$(BIN)/python benchmarks/run.py $(MNIST) $(if $(ADULT),--adult $(ADULT))

mnist: $(VENV)/installed  ## accuracies on MNIST, three seeds each (75 minutes; MNIST=FOLDER of IDX files)
	@test -n "$(MNIST)" || { echo "make: name the folder of the MNIST files: make mnist MNIST=FOLDER" >&2; exit 1; }
	$(BIN)/python benchmarks/mnist.py $(MNIST)

tabular: $(VENV)/installed-bench  ## accuracies on tables beside peers, to build/tabular.jsonl (hours; DATA=FOLDER of CSV files, PEERS=their Python)
	@mkdir -p build
	$(BIN)/python benchmarks/tabular.py build/tabular.jsonl $(DATA) $(if $(PEERS),--peers $(PEERS))

text: $(VENV)/installed-bench  ## accuracies on texts beside peers, to build/text.jsonl (hours; DATA=FOLDER of CSV files, PEERS=their Python)
	@test -n "$(DATA)" || { echo "make: name the folder of the texts: make text DATA=FOLDER" >&2; exit 1; }
	@mkdir -p build
	$(BIN)/python benchmarks/text.py build/text.jsonl $(DATA) $(if $(PEERS),--peers $(PEERS))

wheel: $(VENV)/installed-dev  ## build the source archive and from it the wheel, into dist/, and try that in an empty environment
	rm -f dist/nncli-*
	$(BIN)/python -m hatchling build --target sdist
	$(BIN)/python -m pip wheel --quiet --disable-pip-version-check --no-deps --wheel-dir dist dist/nncli-*.tar.gz
	$(BIN)/python -m twine check --strict dist/nncli-*
	$(PYTHON) -m venv --clear dist/venv
	dist/venv/bin/python -m pip install --quiet --disable-pip-version-check dist/nncli-*.whl
	dist/venv/bin/python tests/smoke.py

lowest: $(VENV)/bin/python  ## try the lowest versions that nncli may be installed with (EXTRAS=excel,play,… for those too)
	$(PYTHON) -m venv --clear dist/lowest
	$(BIN)/python tests/lowest.py > dist/lowest.txt
	dist/lowest/bin/python -m pip install --quiet --disable-pip-version-check --constraint dist/lowest.txt '.$(EXTRAS:%=[%])'
	dist/lowest/bin/python tests/smoke.py

pythons: wheel  ## try the wheel on Python 3.11 to 3.14, as far as they are here, also in pyenv
	@PATH="$$(printf '%s:' "$$(pyenv root 2>/dev/null)"/versions/*/bin)$$PATH"; \
	for python in python3.11 python3.12 python3.13 python3.14; do \
		$$python --version >/dev/null 2>&1 || { echo "$$python: not here, left out"; continue; }; \
		$$python -m venv --clear dist/$$python && \
		dist/$$python/bin/python -m pip install --quiet --disable-pip-version-check dist/nncli-*.whl && \
		dist/$$python/bin/python tests/smoke.py || exit 1; \
	done

clean:  ## remove what the other targets made
	rm -rf $(VENV) dist build digits.npz .mypy_cache .pytest_cache .ruff_cache .hypothesis

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "make: expected Python 3.11 or newer, found $$($(PYTHON) --version). Try: make PYTHON=python3.12" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/installed: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(VENV)/installed-dev: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@ $(VENV)/installed

$(VENV)/installed-bench: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev,bench]'
	@touch $@ $(VENV)/installed
