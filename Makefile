# Two commands matter: `make demo` and `make test`. Both set up what they need in .venv.
SHELL := /bin/bash
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: help setup demo test lint types format bench coverage-proof docs lock clean

help:
	@echo "make demo            run the whole cycle on simulated agents with known truth"
	@echo "make test            run the tests"
	@echo "make lint            style, types and the import contract"
	@echo "make bench           speed and size, as ratios against named limits"
	@echo "make coverage-proof  100 seeds: do the intervals hold the truth?"
	@echo "make docs            check that every documented command runs"
	@echo "make lock            resolve the dependencies anew"

$(READY): requirements.lock pyproject.toml .python-version
	@python="$$(./tools/find-python)" && echo "set up with $$("$$python" --version)" && \
		{ [ -x $(BIN)/python ] || "$$python" -m venv $(VENV); }
	@$(BIN)/python -c 'import sys; sys.exit(sys.version_info < (3, 12))' || \
		{ echo "$(VENV) holds a Python older than 3.12; remove $(VENV) and run make again" >&2; exit 2; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

setup: $(READY)

demo: $(READY)
	$(BIN)/tracebridge demo

test: $(READY)
	$(BIN)/python -m pytest -n 2 --dist loadfile

lint: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(READY)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(READY)
	$(BIN)/python -m benchmarks.run

coverage-proof: $(READY)
	$(BIN)/python -m benchmarks.coverage_proof --seeds 100

docs: $(READY)
	$(BIN)/python -m pytest tests/docs

lock:
	$(BIN)/uv pip compile pyproject.toml --group dev --extra scale --universal --python-version 3.12 \
		--generate-hashes --no-emit-index-url --no-annotate --no-header --quiet -o requirements.lock

clean:
	rm -rf build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
