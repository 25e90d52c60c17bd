# The two commands of a fresh clone: `make demo` and `make test`. Each does all its set-up.
SHELL := /bin/bash
VENV := .venv/bin
WORKERS ?= 2
# Compiled once and kept, whatever the person has set: what runs hundreds of times would be compiled each time.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: setup sandbox dev demo demo-down test soak lint lint-code lint-roles unit e2e lock generate

# What dgops itself needs; enough inside a WSL distro.
setup: .venv/.controller

.venv/.controller: .ci/setup locks/controller.txt locks/uv.txt pyproject.toml
	@sh .ci/setup controller
	@touch $@

sandbox: setup
	@sh .ci/setup sandbox

dev: setup sandbox .venv/.dev

.venv/.dev: .ci/setup locks/dev.txt pyproject.toml | .venv/.controller
	@sh .ci/setup dev
	@touch $@

demo: sandbox .venv/.demo
	@bash demo/run.sh

.venv/.demo: .ci/setup locks/demo.txt | .venv/.controller
	@sh .ci/setup demo
	@touch $@

demo-down: sandbox
	@rm -rf .dgops/demo
	@$(VENV)/dgops sandbox down

test: dev lint .venv/.tiny
	@$(VENV)/pytest -q -n $(WORKERS) --dist loadfile --no-loadscope-reorder

.venv/.tiny: .ci/setup locks/tiny.txt | .venv/.controller
	@sh .ci/setup tiny
	@touch $@

# All of what `make test` takes a sample of.
soak: dev lint .venv/.tiny
	@DGOPS_SOAK=1 $(VENV)/pytest -q -n $(WORKERS) --dist loadfile --no-loadscope-reorder

unit: dev .venv/.tiny
	@$(VENV)/pytest -q -n $(WORKERS) -m "not e2e"

e2e: dev
	@$(VENV)/pytest -q -n $(WORKERS) --dist loadfile --no-loadscope-reorder -m e2e

# On two cores: the roles take as long as all the rest.
lint: dev
	@$(MAKE) --no-print-directory --jobs=2 --output-sync=target lint-code lint-roles

lint-code:
	@$(VENV)/ruff check .
	@$(VENV)/ruff format --check .
	@$(VENV)/mypy
	@$(VENV)/lint-imports --no-logo
	@$(VENV)/vermin --quiet --no-tips --violations -t=3.8- dgops/agent roles/*/files/*.py
	@$(VENV)/shellcheck $$(git ls-files '*.sh' .ci/run .ci/setup)

lint-roles:
	@PATH="$(CURDIR)/$(VENV):$$PATH" ansible-lint --offline --profile production -q

# Locks are hashed and name no index, so that they work behind any mirror.
LOCK := $(VENV)/uv pip compile --quiet --universal --generate-hashes --no-header --no-annotate --no-emit-index-url --python-version
lock: dev
	@$(LOCK) 3.10 pyproject.toml --extra runtime -o locks/runtime.txt
	@$(LOCK) 3.11 pyproject.toml --extra controller --extra dataset -o locks/controller.txt
	@$(LOCK) 3.11 pyproject.toml --extra controller --extra runtime --group dev -o locks/dev.txt
	@$(LOCK) 3.11 locks/uv.in -o locks/uv.txt
	@$(LOCK) 3.11 --no-deps locks/demo.in -o locks/demo.txt
# Exit 3: an index did not answer, and the locks say what they lack.
	@$(VENV)/dgops env lock || [ $$? -eq 3 ]

# Text that is made from code: the command reference and the role tables.
generate: dev
	@$(VENV)/python -m dgops.cli.reference
	@$(VENV)/python -m dgops.deploy.role_tables
