# Python packages go into .venv; missing system packages are installed by scripts/system.sh.
# `make` lists the targets.

PYTHON ?= python3.11
UI ?= 1

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input install --quiet
UV = $(BIN)/uv
# What a release bundle pins for scoring.
SCORING := ml_assets/stages/release/scoring
# What federated training pins, in an environment of its own.
ROUNDS := ml_assets/federated
# Stamps are written last, so an interrupted install is repeated.
BASE := $(VENV)/.base-installed
APP := $(VENV)/.app-installed
DEV := $(VENV)/.dev-installed

# Without bytecode files every process would compile the sources again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: year help demo test coverage shuffle check lint doctest bench docs lock clean system system-test
.NOTPARALLEL:
.DELETE_ON_ERROR:

help: ## list the targets
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 10

demo: $(APP) ## run the demo; UI=0 skips the web pages, FEDERATED=1 has three airports learn together
	$(BIN)/ml-assets demo$(if $(filter 0,$(UI)), --no-ui)$(if $(FEDERATED), --federated)

check: system-test lint test ## everything that CI runs

lint: $(APP) $(DEV) ## formatting, lint, types, layers, doctests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	@$(MAKE) --no-print-directory doctest

doctest: $(APP) $(DEV) ## run the examples in docstrings
	$(BIN)/python -m pytest -q --doctest-modules ml_assets \
	  --ignore=ml_assets/defs --ignore-glob="ml_assets/stages/release/scoring/score*.py" \
	  --ignore=ml_assets/federated/app --ignore=ml_assets/federated/programs/node.py # Flower's environment

test: system-test $(APP) $(DEV) ## all tests
	$(BIN)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder

coverage: system-test $(APP) $(DEV) ## which lines the tests run
	@mkdir -p build
	$(BIN)/python -m slipcover --json --out build/coverage.json -m pytest -n 3 --dist loadfile --no-loadscope-reorder
	$(BIN)/python -m slipcover --merge build/coverage.json --out build/coverage.json --fail-under 90

shuffle: system-test $(APP) $(DEV) ## the tests that are not slow, in a random order, with new examples; SEED=1 repeats an order
	$(BIN)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder -m 'not slow' \
	  --hypothesis-profile new --random-order $(if $(SEED),--random-order-seed $(SEED))

docs: $(APP) $(DEV) ## regenerate the reference and build the site in build/site
	$(BIN)/python -m docs.generate
	$(BIN)/mkdocs build --quiet

year: $(APP) $(DEV) ## play half a year in production, in minutes; EVERY=1 takes all flights
	$(BIN)/python -m docs.year $(if $(EVERY),--every $(EVERY))

bench: $(APP) ## run the benchmarks
	$(BIN)/python -m benchmarks.run
	$(BIN)/python -m benchmarks.release

lock: $(DEV) ## update the lock files; UPGRADE=1 takes newer versions
	@for name in build base dev deploy s3; do \
	  echo "requirements/$$name.txt"; \
	  $(UV) pip compile --quiet --python-version 3.11 --python-platform linux \
	    --generate-hashes --custom-compile-command 'make lock' $(if $(UPGRADE),--upgrade) \
	    --output-file requirements/$$name.txt requirements/$$name.in >/dev/null || exit 1; \
	done
	@for name in lightgbm numpy onnxruntime rows sklearn; do \
	  echo "$(SCORING)/$$name.txt"; \
	  $(UV) pip compile --quiet --python-version 3.11 --python-platform linux \
	    --generate-hashes --custom-compile-command 'make lock' --constraints requirements/base.txt \
	    --output-file $(SCORING)/$$name.txt $(SCORING)/$$name.in >/dev/null || exit 1; \
	done
	@echo "$(ROUNDS)/flower.txt"
	@$(UV) pip compile --quiet --python-version 3.11 --python-platform linux \
	  --generate-hashes --custom-compile-command 'make lock' $(if $(UPGRADE),--upgrade) \
	  --output-file $(ROUNDS)/flower.txt $(ROUNDS)/flower.in >/dev/null
	@echo "$(SCORING)/licences.json (of the installed packages; after an upgrade run make, then make lock again)"
	@$(BIN)/python requirements/licences.py $(SCORING)/*.txt > $(SCORING)/licences.json.new
	@mv $(SCORING)/licences.json.new $(SCORING)/licences.json
	@! grep -nE '://|--(extra-)?index|--find-links' requirements/*.txt $(SCORING)/*.txt $(ROUNDS)/*.txt

system:
	@PYTHON='$(PYTHON)' scripts/system.sh demo

system-test:
	@PYTHON='$(PYTHON)' scripts/system.sh test

clean: ## remove .venv and the caches; data/ stays
	rm -rf $(VENV) build dist *.egg-info \
	  .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find ml_assets ml_assets_tests benchmarks -name __pycache__ -type d -prune \
	  -exec rm -rf {} + 2>/dev/null || true

# A changed lock means a new environment, so no dropped package stays behind.
$(BASE): requirements/build.txt requirements/base.txt | system
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' || \
	  { echo 'Python 3.11 is needed: make PYTHON=/path/to/python3.11' >&2; exit 1; }
	@echo 'Installing the pinned packages into $(VENV); this takes some minutes the first time'
	@$(PYTHON) -m venv --clear $(VENV)
	@$(PIP) --require-hashes -r requirements/build.txt
	@$(PIP) --require-hashes --no-build-isolation -r requirements/base.txt
	@touch $@

$(APP): setup.py $(BASE)
	@PYTHONWARNINGS=ignore $(PIP) --no-deps --no-build-isolation -e .
	@touch $@

$(DEV): requirements/dev.txt $(BASE)
	@echo 'Installing the development tools'
	@$(PIP) --require-hashes --no-build-isolation -r requirements/dev.txt
	@touch $@
