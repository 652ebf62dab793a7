# Two commands: `make run` and `make test`. Both need Python 3.11 or newer with its venv module, and nothing else.

PYTHON ?= python3
# Tests wait more than they compute: three at a time on two cores. WORKERS=0 runs them one by one, in this process.
WORKERS ?= 3
BIN := .venv/bin

.PHONY: run test bench chaos format clean

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

format: .venv/.ready
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

.venv/.ready: requirements.txt requirements-dev.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@

clean:
	rm -rf .venv instance
