"""The db-plan report as Markdown, for a comment on a pull request or the summary of a workflow."""

from __future__ import annotations

from peterental.database.migrations.plan.report import (
    LIVE,
    NOT_REHEARSED,
    SCRATCH,
    Plan,
    PlannedFile,
    PlannedStep,
    TableSize,
    blocked_by,
)
from peterental.database.migrations.wording import plural

MAX_CHARS = 60_000
"""GitHub refuses a comment of more than 65,536 characters."""

_MAX_STATEMENT_CHARS = 120
_MAX_TEXT_CHARS = 2_000
_INTERPRETED = str.maketrans({character: f"&#{ord(character)};" for character in "\\`*_[]<>#@&"})
_HEAD = "| line | statement | lock | table | rows | rewrite | expected wait |\n|---:|---|---|---|---:|---|---|"
_WHERE = {
    LIVE: "rehearsed on the live database and rolled back",
    SCRATCH: "rehearsed in a scratch copy, without the live rows",
    NOT_REHEARSED: "not rehearsed",
}


def plan_markdown(plan: Plan) -> str:
    """Return the plan as Markdown, of at most `MAX_CHARS` characters: later files are then only counted."""
    if not plan.files:
        return "### db-plan\n\n✅ Nothing is pending.\n"
    text = f"### db-plan\n\n{plan.summary()}\n"
    for note in plan.notes:
        text += f"\n{_prose(note)}\n"
    for number, file in enumerate(plan.files):
        left = len(plan.files) - number
        rest = f"\n… and {left} more {plural(left, 'file')}: run `flask db-plan` to see {plural(left, 'it', 'them')}.\n"
        block = _file(plan, file, MAX_CHARS - len(text) - len(rest))
        if block is None:
            return text + rest
        text += block
    return text


def _file(plan: Plan, file: PlannedFile, room: int) -> str | None:
    """Return a file's table in at most `room` characters; None if not even its first rows fit."""
    head = f"\n#### {_code(file.name, in_table=False)}\n\n{_WHERE[file.where]}\n"
    if file.note:
        head += f"\n{_prose(file.note)}\n"
    tail = ""
    if file.error:
        tail = f"\n❌ Migration {file.version} would fail:\n\n{_fenced(file.error)}\n"
    shown = [step for step in file.steps if not step.is_harmless]
    harmless = len(file.steps) - len(shown)
    if harmless:
        verb = plural(harmless, "blocks", "block")
        tail = f"\n{harmless} {plural(harmless, 'statement')} that {verb} no reads or writes.\n{tail}"
    room -= len(head) + len(tail) + len(_HEAD) + _MAX_STATEMENT_CHARS
    rows: list[str] = []
    for number, step in enumerate(shown):
        added = _rows(plan, file, step)
        room -= sum(len(row) + 1 for row in added)
        if room < 0:
            if not rows:
                return None
            left = len(shown) - number
            tail = f"\n… and {left} more {plural(left, 'statement')}: run `flask db-plan` to see them.\n{tail}"
            break
        rows += added
    if room < 0 and not rows:
        return None
    table = "\n" + "\n".join([_HEAD, *rows]) + "\n" if rows else ""
    return head + table + tail


def _rows(plan: Plan, file: PlannedFile, step: PlannedStep) -> list[str]:
    """Return one row for each table that a statement locks; a single row for one that locks none."""
    statement = f"| {step.line} | {_code(' '.join(step.sql.split()))} |"
    wait = _wait(file, step)
    rows = []
    for table, mode in {**step.locks, **step.held}.items():
        size = plan.tables.get(table, TableSize(None, None)).rows
        effects = {"emptied": step.truncates, "rewritten": step.rewrites, "all rows read": step.scans}
        words = [word for word, tables in effects.items() if table in tables]
        lock = f"{mode}: blocks {blocked_by(mode)}" if table in step.locks else f"{mode}, already held"
        count = "" if size is None else f"~{size:,}" if size else "0"
        rows.append(f"{statement} {lock} | {_code(table)} | {count} | {', '.join(words)} | {wait} |")
        statement, wait = "| | |", ""
    rebuilt = f"rebuilds {', '.join(_code(name) for name in step.rebuilds)}" if step.rebuilds else ""
    if not rows:
        return [f"{statement} | | | {rebuilt} | {wait} |"]
    return [*rows, f"| | | | | | {rebuilt} | |"] if rebuilt else rows


def _wait(file: PlannedFile, step: PlannedStep) -> str:
    """Return how long other sessions may wait: until the transaction ends, as far as it was measured."""
    parts = ["**fails**"] if step.fails else []
    start = file.steps.index(step)
    steps = [step] if file.no_transaction else file.steps[start:]
    durations = [one.duration_ms for one in steps if one.duration_ms is not None]
    if step.locks:
        if all(blocked_by(mode) == "nobody" for mode in step.locks.values()):
            parts.append("none")
        elif len(durations) < len(steps):
            parts.append("not measured")
        else:
            parts.append(f"{sum(durations):,} ms")
    if step.waits_for:
        parts.append(f"would now wait for {_cell(step.waits_for)}")
    return "; ".join([*parts, *(_cell(note) for note in step.notes)])


def _code(text: str, *, in_table: bool = True) -> str:
    """Return text as code: a code span needs a longer fence than the backticks in it, and a cell no bare pipes."""
    if len(text) > _MAX_STATEMENT_CHARS:
        text = text[: _MAX_STATEMENT_CHARS - 1] + "…"
    text = text.replace("\n", " ")
    if in_table:
        text = text.replace("|", "\\|")
    runs = [len(run) for run in "".join(c if c == "`" else " " for c in text).split()]
    fence = "`" * (max(runs, default=0) + 1)
    pad = " " if runs else ""
    return f"{fence}{pad}{text}{pad}{fence}"


def _cell(text: str) -> str:
    """Return prose in a table's cell."""
    return _prose(" ".join(text.split())).replace("|", "\\|")


def _prose(text: str) -> str:
    """Return text without the characters that Markdown and HTML would interpret."""
    if len(text) > _MAX_TEXT_CHARS:
        text = text[: _MAX_TEXT_CHARS - 1] + "…"
    return text.translate(_INTERPRETED)


def _fenced(text: str) -> str:
    if len(text) > _MAX_TEXT_CHARS:
        text = text[: _MAX_TEXT_CHARS - 1] + "…"
    fence = "```"
    while fence in text:
        fence += "`"
    return f"{fence}text\n{text}\n{fence}"
