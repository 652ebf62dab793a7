"""Architecture: import layers, table ownership, where SQL is written, and the size of files."""

from __future__ import annotations

import ast
import functools
import itertools
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

pytestmark = pytest.mark.untraced

PROJECT_DIR = Path(__file__).resolve().parent.parent
PACKAGE = PROJECT_DIR / "peterental"
MODULES = sorted(PACKAGE.rglob("*.py"))
MAX_FILE_LINES = 600
WITH_SQL = {"queries.py", "lookup.py", "search.py"}
ARGUMENT = re.compile(r"    ([a-z]\w*(?:, [a-z]\w*)*):")
MAKERS = {"__init__", "__new__"}

SQL_WORD = re.compile(r"\b(?:SELECT|INSERT|UPDATE|DELETE|FROM|JOIN)\b")
SQL = re.compile(r"^\s*(?:SELECT|INSERT INTO|UPDATE|DELETE FROM|WITH)\s", re.MULTILINE)

OWNERS = {
    "job_errors": "jobs",
    "agents": "agents",
    "closure_exemptions": "agents",
    "office_closures": "agents",
    "repeating_blocks": "agents",
    "repeating_exceptions": "agents",
    "agent_busy": "agents",
    "agent_days": "agents",
    "agent_hours": "agents",
    "line_members": "agents",
    "shared_lines": "agents",
    "appointments": "appointments",
    "appointment_events": "appointments",
    "audit_log": "audit",
    "agent_calendar_settings": "calendars",
    "agent_feeds": "appointments",
    "calendar_accounts": "calendars",
    "calendar_sign_ins": "calendars",
    "calendar_viewings": "appointments",
    "calendars": "calendars",
    "installation": "calendars",
    "line_account": "line",
    "line_checks": "line",
    "line_fetched_calls": "line",
    "line_set_ups": "line",
    "calls": "calls",
    "tool_calls": "calls",
    "messages": "messages",
    "agent_notice_choices": "notices",
    "agent_notice_contacts": "notices",
    "contact_consents": "notices",
    "notice_channels": "notices",
    "notice_events": "notices",
    "notice_settings": "notices",
    "notice_templates": "notices",
    "notices": "notices",
    "text_replies": "notices",
    "waitlist": "notices",
    "properties": "properties",
    "property_agents": "properties",
    "property_imports": "properties",
    "property_settings": "properties",
    "property_sources": "properties",
    "property_viewings": "properties",
    "property_windows": "properties",
    "recovery_codes": "users",
    "second_factors": "users",
    "sign_in_failures": "users",
    "user_sessions": "users",
    "users": "users",
    "webhook_signatures": "calls",
    "api_requests": "users",
    "api_tokens": "users",
    "webhook_deliveries": "webhooks",
    "webhook_endpoints": "webhooks",
}
"""The folder that reads and writes each table."""

NAME = "each row of an export has its agent's name and time zone"
NAME_AND_OWNER = "each row shows its agent's name and time zone, and only the viewer's agents' rows are read"

TIME_OFF = "one query finds the viewings that stand in time off, of the viewer's agents"

PROMISE = "a caller is promised a text only where one will be sent, and waits for no statement of its own"
RELEASE = "one query finds the viewings whose visitors were asked and did not answer"

CONSENT = "the phone call or the form that booked a viewing is the consent to its notices"
TEXTED = "a text is answered for the viewings that its number was texted about"

REMINDED = "one statement finds the viewings whose reminder is due, and writes the reminders"

NEEDED = "one statement finds what needs a person, instead of one for each feature on every page"
SIDE_BY_SIDE = "one statement reads the schedules of all agents of a page"

MAY_READ = {
    ("appointments/calendar/time_off_repository.py", "agent_busy"): TIME_OFF,
    ("appointments/calendar/time_off_repository.py", "agents"): TIME_OFF,
    ("appointments/calendar_events/repository.py", "agents"): "an event is written in its agent's time zone",
    ("appointments/listing/home_repository.py", "agents"): NAME_AND_OWNER,
    ("appointments/calendar/repository.py", "agents"): SIDE_BY_SIDE,
    ("appointments/listing/repository.py", "agents"): NAME_AND_OWNER,
    ("appointments/manual/repository.py", "agents"): NAME_AND_OWNER,
    ("appointments/personal_data_repository.py", "agents"): NAME,
    ("appointments/repository.py", "agents"): NAME_AND_OWNER,
    ("appointments/repository.py", "contact_consents"): PROMISE,
    ("appointments/repository.py", "notice_channels"): PROMISE,
    ("appointments/repository.py", "notice_settings"): PROMISE,
    ("appointments/visitors/repository.py", "agents"): "a visitor is shown its agent, in the agent's language",
    ("calls/personal_data_repository.py", "agents"): NAME,
    ("calls/queries.py", "agents"): NAME_AND_OWNER,
    ("calls/queries.py", "appointments"): "one query lists, filters and searches calls by what they booked",
    ("calls/queries.py", "properties"): "a call is shown with the home that it booked, as the catalogue names it",
    ("calls/repository.py", "appointments"): "a tool call is stored with the booking it made, in the same statement",
    ("messages/personal_data_repository.py", "agents"): NAME,
    ("messages/repository.py", "agents"): NAME_AND_OWNER,
    (
        "properties/repository.py",
        "appointments",
    ): "whether a setting takes a job depends on how many viewings are upcoming",
    ("notices/consents/repository.py", "appointment_events"): CONSENT,
    ("notices/consents/repository.py", "appointments"): CONSENT,
    ("notices/replies/repository.py", "agents"): TEXTED,
    ("notices/replies/repository.py", "appointments"): TEXTED,
    ("notices/agent_choices/repository.py", "agents"): "lists are due on the agents' clocks, at their users' addresses",
    (
        "notices/agent_choices/repository.py",
        "appointment_events",
    ): "a morning list has the changes of its agent's viewings",
    ("notices/agent_choices/repository.py", "appointments"): "a morning list has the viewings of its agent's day",
    ("notices/agent_choices/repository.py", "users"): "an agent is told at the address of its user",
    ("notices/personal_data_repository.py", "appointments"): "a notice to an agent names the visitor of a viewing",
    ("notices/reminder_repository.py", "agents"): REMINDED,
    ("notices/reminder_repository.py", "appointment_events"): REMINDED,
    ("notices/reminder_repository.py", "appointments"): REMINDED,
    ("notices/listing_repository.py", "agents"): NAME_AND_OWNER,
    ("notices/repository.py", "agents"): NAME_AND_OWNER,
    ("notices/sending_repository.py", "agents"): "the quiet hours are on the agent's clock",
    ("notices/sending_repository.py", "appointments"): "a viewing does not change while a notice of it is handed over",
    ("notices/viewing_repository.py", "agents"): "a letter names the agent of its viewing, on the agent's clock",
    ("notices/viewing_repository.py", "appointments"): "a letter is written from the present state of its viewing",
    ("notices/release/repository.py", "agents"): RELEASE,
    ("notices/release/repository.py", "appointments"): RELEASE,
    ("properties/lookup.py", "waitlist"): "a time of a home that is held for a waiting caller is not offered to others",
    ("webhooks/repository.py", "appointment_events"): "a delivery says what the event says",
    ("today/repository.py", "agents"): NAME_AND_OWNER,
    ("today/repository.py", "appointments"): NEEDED,
    ("today/repository.py", "calendar_accounts"): NEEDED,
    ("today/repository.py", "calls"): NEEDED,
    ("today/repository.py", "line_checks"): NEEDED,
    ("today/repository.py", "line_members"): NEEDED,
    ("today/repository.py", "messages"): NEEDED,
    ("today/repository.py", "notices"): NEEDED,
    ("today/repository.py", "webhook_endpoints"): NEEDED,
    ("notices/waitlist/repository.py", "agents"): "an entry is shown with its agent, on its agent's clock",
    ("notices/waitlist/repository.py", "appointments"): "a caller who has a viewing by now is not offered another",
}
"""Why a repository may read, and never write, a table of another folder."""

READ = re.compile(r"\b(?:FROM|JOIN|USING)\s+(?:ONLY\s+)?([a-z_]+)|,\s*([a-z_]+)\s+(?:AS|WHERE)\b")
WRITTEN = re.compile(r"\b(?:INSERT\s+INTO|(?<!KEY )(?<!FOR )UPDATE|DELETE\s+FROM|LOCK\s+TABLE|TRUNCATE)\s+([a-z_]+)")


class _Facts(NamedTuple):
    """What the tests ask of one module. Its tree is not kept: that of all modules would be 650,000 objects."""

    module: str
    """The path below peterental/."""
    docstring: str
    lines: int
    sql: list[str]
    """The strings that may be SQL; f-strings part by part."""
    documented: list[tuple[str, set[str], set[str]]]
    """The functions and classes that document arguments: name, those documented, those that exist."""
    ordered: dict[str, list[str]]
    """The fields of the dataclasses that can be compared."""


@functools.cache
def _facts() -> list[_Facts]:
    """Return the facts of all modules, each of which is parsed once."""
    return [_facts_of(module) for module in MODULES]


def _facts_of(module: Path) -> _Facts:
    text = module.read_text(encoding="utf-8")
    tree = ast.parse(text)
    path = module.relative_to(PACKAGE).as_posix()
    facts = _Facts(path, ast.get_docstring(tree) or "", len(text.splitlines()), [], [], {})
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and SQL_WORD.search(node.value):
            facts.sql.append(node.value)
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            named = _documented_arguments(ast.get_docstring(node) or "")
            if named:
                facts.documented.append((node.name, named, _arguments(node)))
            if isinstance(node, ast.ClassDef) and any(
                "order=True" in ast.unparse(made) for made in node.decorator_list
            ):
                facts.ordered[node.name] = [ast.unparse(line) for line in node.body if isinstance(line, ast.AnnAssign)]
    return facts


def _documented_arguments(docstring: str) -> set[str]:
    """Return the names in the section "Args" of a docstring: `name:` or `name, other:` at its indentation."""
    _, _, section = docstring.partition("Args:\n")
    lines = itertools.takewhile(lambda line: not line.strip() or line.startswith("    "), section.splitlines())
    found = [ARGUMENT.match(line) for line in lines]
    return {name for names in found if names for name in names[1].split(", ")}


def _arguments(node: ast.FunctionDef | ast.ClassDef) -> set[str]:
    """Return the parameters of a function; the fields of a class and the parameters of its `__init__` or `__new__`."""
    if isinstance(node, ast.ClassDef):
        fields = {ast.unparse(line.target) for line in node.body if isinstance(line, ast.AnnAssign)}
        makers = [made for made in node.body if isinstance(made, ast.FunctionDef) and made.name in MAKERS]
        return fields.union(*map(_arguments, makers))
    every = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs, node.args.vararg, node.args.kwarg]
    return {one.arg for one in every if one is not None}


def _sql_texts() -> Iterator[tuple[str, str]]:
    """Yield the path of each module outside database/ with each of its strings that may be SQL."""
    return ((facts.module, text) for facts in _facts() if "database/" not in facts.module for text in facts.sql)


def test_import_contracts_hold() -> None:
    """A change of a page cannot break a booking, and the engine works without the web."""
    linter = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([linter, "--no-cache"], cwd=PROJECT_DIR, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def _contract(name: str) -> dict[str, list[str]]:
    settings = tomllib.loads((PROJECT_DIR / "pyproject.toml").read_text(encoding="utf-8"))
    return next(one for one in settings["tool"]["importlinter"]["contracts"] if one["name"].startswith(name))


def _members(package: str) -> set[str]:
    """Return the modules and packages directly below a package, as the contracts name them."""
    folder = PROJECT_DIR.joinpath(*package.split("."))
    found = {path.stem for path in folder.glob("*.py")} | {path.parent.name for path in folder.glob("*/__init__.py")}
    return {f"{package}.{name}" for name in found - {"__init__"}}


def test_engine_may_import_no_module_of_the_application() -> None:
    """The layers do not show it: the engine is part of `database`, which stands above some of them."""
    others = _members("peterental") | _members("peterental.database")
    others -= {"peterental.database", "peterental.database.migrations"}
    assert set(_contract("The migration engine imports nothing else")["forbidden_modules"]) == others


def test_every_module_outside_the_web_must_do_without_flask() -> None:
    with_flask = {"peterental.app", "peterental.cli", "peterental.voice", "peterental.web", "peterental.voice.webhook"}
    others = (_members("peterental") | _members("peterental.voice")) - with_flask
    assert set(_contract("Only the web, the webhook")["source_modules"]) == others


def test_sql_is_in_repositories_only() -> None:
    """SQL is in `*repository.py`, queries.py, database/, and the fragments of lookup.py and search.py."""
    with_sql = {module for module, text in _sql_texts() if SQL.search(text)}
    assert "appointments/repository.py" in with_sql
    others = {module for module in with_sql if not module.endswith("repository.py")}
    assert [module for module in sorted(others) if Path(module).name not in WITH_SQL] == []


def test_every_table_has_an_owner() -> None:
    created = {
        name
        for file in (PROJECT_DIR / "migrations").glob("*.sql")
        for name in re.findall(r"CREATE TABLE IF NOT EXISTS (\w+)", file.read_text(encoding="utf-8"))
    }
    assert created == set(OWNERS)


def test_only_the_owner_writes_a_table() -> None:
    """Another feature asks the owner's service, or uses a fragment that the owner exports."""
    writes = {(module, table) for module, text in _sql_texts() for table in WRITTEN.findall(text) if table in OWNERS}
    assert ("calls/repository.py", "tool_calls") in writes
    assert [(module, table) for module, table in sorted(writes) if not module.startswith(f"{OWNERS[table]}/")] == []


def test_tables_of_others_are_read_for_a_reason() -> None:
    reads = {
        (module, table)
        for module, text in _sql_texts()
        for found in READ.findall(text)
        for table in found
        if table in OWNERS and not module.startswith(f"{OWNERS[table]}/")
    }
    assert reads == set(MAY_READ)


def test_files_have_a_docstring_and_at_most_600_lines() -> None:
    """The docstring says what the file is for. A longer file does more than one thing."""
    for facts in _facts():
        assert facts.lines <= MAX_FILE_LINES, facts.module
        assert facts.docstring, facts.module
        assert facts.docstring.splitlines()[0].endswith(".") or "\n" in facts.docstring, facts.module


def test_docstrings_name_arguments_that_exist() -> None:
    """A renamed argument or field is renamed in its docstring."""
    documented = [(facts.module, *entry) for facts in _facts() for entry in facts.documented]
    assert len(documented) > 500
    assert [(module, name, named - have) for module, name, named, have in documented if not named <= have] == []


def test_ordered_dataclasses_have_no_optional_fields() -> None:
    """A type checker allows comparing fields that may be None; sorting fails on the first tie."""
    ordered = [(name, fields) for facts in _facts() for name, fields in facts.ordered.items()]
    assert ordered
    for name, fields in ordered:
        assert not [line for line in fields if "None" in line or "Optional" in line], name


def test_create_app_opens_no_connection() -> None:
    """The pool is opened after the fork, by the process that uses it. Gunicorn loads the application in its master."""
    code = (
        "import socket, threading\n"
        "from peterental import create_app\n"
        "from peterental.config import Config\n"
        "def refuse(*_): raise AssertionError('connected')\n"
        "socket.socket.connect = refuse\n"
        "create_app(Config(database_url='postgresql://127.0.0.1:1/x', secret_key='k'))\n"
        "assert threading.active_count() == 1, threading.enumerate()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=PROJECT_DIR, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_environment_is_read_by_entry_points_only() -> None:
    """Exceptions: the host's name in the ledger, the terminal's own settings, and the paths of a development server."""
    readers = {
        str(module.relative_to(PACKAGE))
        for module in MODULES
        if re.search(r"os\.(environ|getenv)", module.read_text(encoding="utf-8"))
    }
    assert readers <= {
        "cli/terminal.py",
        "config.py",
        "deploy.py",
        "env_file.py",
        "database/migrations/ledger/writer.py",
        "database/dev_server/programs.py",
    }
