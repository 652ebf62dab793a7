# Two commands: `make run` and `make test`. Both need Python 3.11 or newer with its venv module, and nothing else.

PYTHON ?= python3
BIN := .venv/bin

.PHONY: run test format screenshots clean

run: .venv/.ready
	@PETERENTAL_DEMO=1 $(BIN)/gunicorn wsgi:app

test: .venv/.ready
	@$(BIN)/python -m tests.gate

format: .venv/.ready
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

.venv/.ready: requirements.txt requirements-dev.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@

clean:
	rm -rf .venv instance
