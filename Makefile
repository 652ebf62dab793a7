# The two main targets are `run` and `test`. They need Python 3.11 or newer with its venv module, and nothing else.

PYTHON ?= python3
# Right for two cores: with four the gate took a minute longer. WORKERS=0 runs the tests one by one in a single process.
WORKERS ?= 3
BIN := .venv/bin
# Tests and benchmarks start hundreds of processes, which share the compiled byte code.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: run test install bench corpus screenshots architecture chaos attack lock audit sbom format clean

# exec: a SIGTERM sent to make reaches gunicorn itself, not a shell in between.
run: .venv/.ready
	@grep -qs PETERENTAL_DEMO .env || export PETERENTAL_DEMO=$${PETERENTAL_DEMO-1}; exec $(BIN)/gunicorn wsgi:app

test:
	@$(MAKE) --no-print-directory --jobs=2 install
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	@$(MAKE) --no-print-directory --jobs=2 check-types run-tests

install: .venv/.ready instance/caldav/.ready

# Each of these two keeps one core busy for a minute, so they run beside the tests.
.PHONY: check-types run-tests
check-types:
	$(BIN)/mypy
	$(BIN)/lint-imports

# Tests run make, which must not look for the jobs of this one.
run-tests:
	$(BIN)/coverage erase
	env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL $(BIN)/coverage run -m pytest -n $(WORKERS) --dist worksteal
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report

# SECTION=migrations runs one section only, QUICK=1 takes fewer rounds.
bench: .venv/.ready
	@$(BIN)/python -m bench $(SECTION)

# FOLDER=… runs a folder of migrations through every command and compares with plain psql; FROM=goose imports it first.
corpus: .venv/.ready
	@$(BIN)/python -m bench.corpus "$(FOLDER)" $(if $(FROM),--from $(FROM))

# Injects faults under load, then checks every booking and every notice. CHAOS="--seed 7 --rounds 5", "--part notices" or
# "--part phone --only deploy".
chaos: .venv/.ready
	@$(BIN)/python -m bench.chaos $(CHAOS)

# Attacks a server on 127.0.0.1 while its phone calls are measured. ATTACK="--only slow --seed 7 --seconds 8".
attack: .venv/.ready
	@$(BIN)/python -m bench.attack $(ATTACK)

# After a change of a package: writes the hashes and the transitive dependencies of both requirements files.
lock: instance/lock/.ready
	@instance/lock/bin/python docs/lock.py

instance/lock/.ready: Makefile
	@echo "Installing uv into instance/lock …"
	@$(PYTHON) -m venv instance/lock
	@instance/lock/bin/pip install --quiet --disable-pip-version-check uv==0.13.9 packaging==26.3 || { \
		echo "❌ This needs the package index: run it where pip can reach one." >&2; exit 1; }
	@touch $@

# Known vulnerabilities of the pinned packages, and a bill of materials. Both need a network.
audit: instance/audit/.ready
	@instance/audit/bin/pip-audit --requirement requirements.txt --require-hashes --disable-pip --strict \
		2> instance/audit/messages || { code=$$?; \
		if grep -q "^ERROR" instance/audit/messages; then \
			echo "❌ Nothing was checked: the vulnerability service of PyPI cannot be reached from here. Run make audit where" \
				"it can. pip-audit said: $$(grep -m 1 "^ERROR" instance/audit/messages | sed 's/^ERROR:[^:]*://')" >&2; \
		else cat instance/audit/messages >&2; fi; exit $$code; }
	@cat instance/audit/messages

sbom: instance/audit/.ready
	@instance/audit/bin/cyclonedx-py requirements requirements.txt --output-file instance/sbom.json
	@echo "instance/sbom.json"

instance/audit/.ready: Makefile
	@echo "Installing the audit tools into instance/audit …"
	@$(PYTHON) -m venv instance/audit
	@instance/audit/bin/pip install --quiet --disable-pip-version-check pip-audit==2.10.1 cyclonedx-bom==7.5.0 || { \
		echo "❌ This needs the package index: run it where pip can reach one." >&2; exit 1; }
	@touch $@

# Two CalDAV servers and a client, which tests run as processes. They are under the GPL, so nothing imports them.
instance/caldav/.ready: tests/calendars/caldav/requirements.txt
	@echo "Installing CalDAV servers for the tests into instance/caldav …"
	@$(PYTHON) -m venv instance/caldav
	@instance/caldav/bin/pip install --quiet --disable-pip-version-check --requirement $< || { \
		echo "❌ This needs the package index: run it where pip can reach one." >&2; exit 1; }
	@touch $@

# Screenshots of every page, on a desktop and a phone, light and dark, in instance/screenshots/.
screenshots: .venv/.ready
	@$(BIN)/python -m tests.browser.screenshots

# Draws the diagram in docs/architecture.md from the imports.
architecture: .venv/.ready
	@$(BIN)/python docs/architecture.py

format: .venv/.ready
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

.venv/.ready: requirements.txt requirements-dev.txt
	@echo "Creating .venv with $$($(PYTHON) --version) …"
	@$(PYTHON) -m venv .venv
	@echo "Installing requirements-dev.txt, which takes about a minute …"
	@$(BIN)/pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@

clean:
	rm -rf .venv instance
