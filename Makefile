# Each target is one line that somebody could type. `make demo` and `make test` set up what they need in .venv.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: help demo test test-all live mutation check format bench docs clean

help:  ## what can be made
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

# The stamp says that .venv holds what pyproject.toml and constraints.txt ask for.
.venv/.ready: pyproject.toml constraints.txt
	@echo "setting up .venv (once; a minute or two) ..."
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[dev]"
	@touch $@

demo: .venv/.ready  ## convert, check, simulate and verify a trained network; results in demo-output/
	@$(BIN)/nirdynap demo --output demo-output

test: check  ## format, lint, import contracts, types, tests, doc examples, notebooks (under 10 minutes on 2 cores)
	@echo "doc examples ..."
	@$(BIN)/python -m pytest --doctest-modules --doctest-glob='*.md' src docs README.md
	@echo "tests and notebooks ..."
	@$(BIN)/python -m pytest -n auto -m "not slow"

check: .venv/.ready  ## the quick part of test: format, lint, import contracts, types
	@echo "format, lint, import contracts, types ..."
	@$(BIN)/ruff format --check --quiet . && $(BIN)/ruff check --quiet .
	@$(BIN)/lint-imports --config pyproject.toml > .venv/lint-imports.log 2>&1 || { cat .venv/lint-imports.log; exit 1; }
	@$(BIN)/mypy --no-error-summary

test-all: test  ## test, and the slow extras: training the example again gives the same file
	@$(BIN)/python -m pytest -m slow

live: .venv/.ready  ## live models of every framework against graph, file and chip (own environments; gigabytes, minutes)
	@$(BIN)/python tests/live/live.py

mutation: .venv/.ready  ## which changes of lower/, passes/ and the simulators' wrappers no test notices (hours); MODULES=lower.trim ...
	@$(BIN)/python tests/mutation/mutation.py $(MODULES)
	@$(BIN)/python docs/generate_mutation.py

format: .venv/.ready  ## put the code into its normal form
	@$(BIN)/ruff check --quiet --fix . ; $(BIN)/ruff format --quiet .

bench: .venv/.ready  ## accuracy, and speed beside sinabs, snnTorch and Norse (installs them once; gigabytes); BENCH=options
	@$(BIN)/python benchmarks/nmnist_accuracy.py
	@$(BIN)/python benchmarks/conversion.py
	@$(BIN)/python benchmarks/integers.py
	@$(BIN)/python benchmarks/speed.py $(BENCH)

docs: .venv/.ready  ## write the generated pages anew
	@$(BIN)/python docs/generate_errors.py
	@$(BIN)/python docs/generate_exports.py
	@$(BIN)/python docs/generate_mutation.py
	@$(BIN)/python docs/generate_hard.py

clean:  ## remove .venv and what runs left behind
	@rm -rf .venv .venv-live .venv-mutation .mutation demo-output .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
