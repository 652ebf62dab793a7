# Two commands: `make run` and `make test`. Both need Python 3.11 or newer with its venv module, and nothing else.

PYTHON ?= python3
# Tests wait more than they compute: four at a time on two cores. WORKERS=0 runs them one by one, in this process.
WORKERS ?= 4
BIN := .venv/bin
# Tests and benchmarks start hundreds of processes; none of them should compile all our modules anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: run test bench screenshots architecture chaos audit sbom format clean

run: .venv/.ready
	@PETERENTAL_DEMO=$${PETERENTAL_DEMO-1} $(BIN)/gunicorn wsgi:app

test: .venv/.ready
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest -n $(WORKERS) --dist worksteal
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report

# SECTION=migrations measures one section, QUICK=1 takes fewer rounds.
bench: .venv/.ready
	@$(BIN)/python -m bench $(SECTION)

# Breaks things under load, then checks the books. CHAOS="--seed 7 --rounds 5", or CHAOS="--only deploy".
chaos: .venv/.ready
	@$(BIN)/python -m bench.chaos $(CHAOS)

# Needs a network: known vulnerabilities of what is pinned; a bill of materials.
audit: instance/audit/.ready
	@instance/audit/bin/pip-audit --requirement requirements.txt --no-deps --disable-pip --strict

sbom: instance/audit/.ready
	@instance/audit/bin/cyclonedx-py requirements requirements.txt --output-file instance/sbom.json
	@echo "instance/sbom.json"

instance/audit/.ready: Makefile
	$(PYTHON) -m venv instance/audit
	instance/audit/bin/pip install --quiet --disable-pip-version-check pip-audit==2.10.1 cyclonedx-bom==7.5.0
	@touch $@

# Every page at a desk and on a phone, in light and dark, into instance/screenshots/.
screenshots: .venv/.ready
	@$(BIN)/python -m tests.browser.screenshots

# The picture in docs/architecture.md, drawn from the imports.
architecture: .venv/.ready
	@$(BIN)/python docs/architecture.py

format: .venv/.ready
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

.venv/.ready: requirements.txt requirements-dev.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@

clean:
	rm -rf .venv instance
