"""Judge each difference between the live database and the files: its effect on code that was written for the files."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum

from peterental.database.migrations.verify.diff import DIFFERS, ONLY_FILES, ONLY_LIVE, Difference
from peterental.database.migrations.verify.grants import GRANT
from peterental.database.migrations.verify.introspection import Catalog, ObjectKey, Properties


class Weight(IntEnum):
    """How much a difference matters, the least first."""

    HARMLESS = 0
    JUDGE = 1
    MATTERS = 2

    @property
    def heading(self) -> str:
        """The heading of its group."""
        return _HEADINGS[self]


_HEADINGS = {
    Weight.MATTERS: "These matter: code that was written for the files fails, is slow or loses data",
    Weight.JUDGE: "These have an effect that only you can judge",
    Weight.HARMLESS: "These are harmless: code that was written for the files does not notice",
}


@dataclass(frozen=True)
class Impact:
    """The effect of a difference.

    Args:
        weight: how much it matters.
        effect: what follows from it, in one sentence or a few.
    """

    weight: Weight
    effect: str


def impact_of(difference: Difference, live: Catalog, files: Catalog) -> Impact:
    """Return the effect of a difference between the catalogs `live` and `files`."""
    key = difference.key
    if difference.how == DIFFERS:
        return _of_properties(key, live.objects[key], files.objects[key])
    here, there = (live, files) if difference.how == ONLY_LIVE else (files, live)
    twin = _twin(key, here, there)
    if twin:
        return Impact(Weight.HARMLESS, f"It is the same as {twin}.")
    if difference.how == ONLY_FILES:
        return _of_missing(key, files.objects[key])
    return _of_extra(key, live.objects.get(key, {}))


# --- objects that exist on one side only ------------------------------------------------------------------------------


_IS_UNIQUE = re.compile(r"CREATE UNIQUE INDEX\b")
_INDEX_NAME = re.compile(r'(?<=\bINDEX )(?:"(?:[^"]|"")+"|\S+)(?= ON )')


def _twin(key: ObjectKey, here: Catalog, there: Catalog) -> str | None:
    """Return the name of an index or constraint with the same definition, which only `there` has."""
    if key.kind not in {"index", "constraint"}:
        return None
    wanted = _nameless(here.objects[key])
    for other, properties in there.objects.items():
        same_place = (other.object, other.kind) == (key.object, key.kind)
        if same_place and other not in here.objects and _nameless(properties) == wanted:
            return other.name
    return None


def _nameless(properties: Properties) -> dict[str, str | None]:
    """Return the properties of an index or constraint without its name and its comment."""
    found = {name: value for name, value in properties.items() if name not in {"comment", "clustered"}}
    found["definition"] = _INDEX_NAME.sub("", found["definition"] or "", count=1)
    return found


def _of_missing(key: ObjectKey, wanted: Properties) -> Impact:
    """Return the effect of what only the files have."""
    effects = {
        "": "Statements that use it fail.",
        "column": "Statements that name it fail.",
        "constraint": "Rows that it forbids are accepted.",
        "index": "Queries that need it read the whole table.",
        "trigger": "What it does on each write is not done.",
        "rule": "What it does on each statement is not done.",
        "policy": "Other rows are visible or may be written.",
        GRANT: "Statements of that role fail.",
    }
    effect = effects.get(key.kind, "Queries on the table are estimated differently.")
    if key.kind == "constraint" and (wanted["definition"] or "").startswith("CHECK"):
        return Impact(Weight.JUDGE, effect)
    if key.kind == "index" and _IS_UNIQUE.match(wanted["definition"] or ""):
        effect = "Duplicates are accepted, and ON CONFLICT on its columns fails."
    return Impact(Weight.MATTERS if key.kind in effects else Weight.JUDGE, effect)


def _of_extra(key: ObjectKey, present: Properties) -> Impact:
    """Return the effect of what only the database has."""
    if key.kind == "column" and present["nullable"] == "no" and not _fills_itself(present):
        return Impact(Weight.MATTERS, "An INSERT that does not name it fails.")
    if key.kind == "index" and present["valid"] == "no":
        return Impact(Weight.JUDGE, "It slows writes down and serves no query: drop it.")
    if key.kind == "constraint" or (key.kind == "index" and _IS_UNIQUE.match(present["definition"] or "")):
        return Impact(Weight.JUDGE, "Rows that it forbids are refused.")
    if key.kind in _EXTRA:
        return Impact(Weight.JUDGE, _EXTRA[key.kind])
    return Impact(Weight.HARMLESS, "It slows writes a little." if key.kind == "index" else "The files do not use it.")


_EXTRA = {
    "trigger": "What it does happens on each write.",
    "rule": "What it does happens on each write.",
    "policy": "Where row security is on, other rows are visible or may be written.",
    GRANT: "That role may do more than the files grant.",
}
"""The effects of parts that only the database has, which its owner must judge."""


# --- properties that differ -------------------------------------------------------------------------------------------


def _of_properties(key: ObjectKey, live: Properties, files: Properties) -> Impact:
    """Return the joint effect of the properties that differ; comments count only if nothing else differs."""
    found = []
    for name in dict.fromkeys((*live, *files)):
        if name == "comment" or live.get(name) == files.get(name):
            continue
        judge = _JUDGES.get((key.kind, name)) or _JUDGES.get(("", name))
        found.append(judge(live, files) if judge else Impact(Weight.JUDGE, f"The {name} may change what happens."))
    if not found:
        return Impact(Weight.HARMLESS, "Only the documentation differs.")
    weight = max(impact.weight for impact in found)
    effects = dict.fromkeys(impact.effect for impact in found if impact.weight == weight)
    return Impact(weight, " ".join(effects))


_NUMBERS = ("smallint", "integer", "bigint")
_TEXT = re.compile(r"(?P<name>character varying|text)(?:\((?P<size>\d+)\))?")


def _type(live: Properties, files: Properties) -> Impact:
    ours, theirs = live["type"] or "", files["type"] or ""
    if ours in _NUMBERS and theirs in _NUMBERS:
        if _NUMBERS.index(ours) > _NUMBERS.index(theirs):
            return Impact(Weight.HARMLESS, "It holds every number that the files allow.")
        return Impact(Weight.MATTERS, f"Numbers that do not fit {ours} are refused.")
    text, wanted = _TEXT.fullmatch(ours), _TEXT.fullmatch(theirs)
    if text and wanted:
        if text["size"] is None or (wanted["size"] is not None and int(text["size"]) > int(wanted["size"])):
            return Impact(Weight.HARMLESS, "It holds every text that the files allow.")
        return Impact(Weight.MATTERS, f"Texts of more than {text['size']} characters are refused.")
    if {ours.partition(" ")[0], theirs.partition(" ")[0]} == {"timestamp"}:
        return Impact(Weight.MATTERS, "Times shift by the time zone of the session.")
    return Impact(Weight.MATTERS, "Values are refused, or read as another type.")


def _nullable(live: Properties, files: Properties) -> Impact:
    if live["nullable"] == "yes":
        return Impact(Weight.JUDGE, "Rows without a value are accepted, and code does not expect them.")
    if _fills_itself(live) and not _fills_itself(files):
        return Impact(Weight.MATTERS, "A statement that sets it to NULL fails.")
    return Impact(Weight.MATTERS, "A statement that leaves it empty fails.")


def _default(live: Properties, files: Properties) -> Impact:
    if _numbers_rows(live) and _numbers_rows(files):
        return Impact(Weight.HARMLESS, "Both number the rows.")
    if live["default"] is not None and not _fills_itself(files):
        return Impact(Weight.HARMLESS, "It only affects an INSERT that does not name the column.")
    if not _fills_itself(live) and live["nullable"] == "no":
        return Impact(Weight.MATTERS, "An INSERT that does not name the column fails.")
    return Impact(Weight.MATTERS, "An INSERT that does not name the column stores another value.")


def _identity(live: Properties, files: Properties) -> Impact:
    if live["identity"] == "always":
        return Impact(Weight.JUDGE, "An INSERT with a number of its own fails.")
    if _numbers_rows(live) and _numbers_rows(files):
        return Impact(Weight.HARMLESS, "Both number the rows.")
    return Impact(Weight.MATTERS, "An INSERT that does not name the column gets no number.")


def _index(live: Properties, files: Properties) -> Impact:
    ours, theirs = (bool(_IS_UNIQUE.match(one["definition"] or "")) for one in (live, files))
    if theirs and not ours:
        return Impact(Weight.MATTERS, "Duplicates are accepted, and ON CONFLICT on its columns fails.")
    if ours and not theirs:
        return Impact(Weight.MATTERS, "Duplicates that the files allow are refused.")
    return Impact(Weight.MATTERS, "Queries that need the index of the files read more, or the whole table.")


def _privileges(live: Properties, files: Properties) -> Impact:
    ours, theirs = (set((one["privileges"] or "").split(", ")) for one in (live, files))
    if theirs - ours:
        return Impact(Weight.MATTERS, "Statements of that role that need the missing privileges fail.")
    return Impact(Weight.JUDGE, "That role may do more than the files grant.")


def _always(weight: Weight, effect: str) -> Callable[[Properties, Properties], Impact]:
    return lambda _live, _files: Impact(weight, effect)


def _only_if(name: str, value: str, effect: str, otherwise: str) -> Callable[[Properties, Properties], Impact]:
    """Return a judge for a property that matters only if the database has `value`."""
    return lambda live, _files: (
        Impact(Weight.MATTERS, effect) if live.get(name) == value else Impact(Weight.HARMLESS, otherwise)
    )


_JUDGES: dict[tuple[str, str], Callable[[Properties, Properties], Impact]] = {
    ("column", "type"): _type,
    ("column", "nullable"): _nullable,
    ("column", "not null validated"): _always(Weight.JUDGE, "Older rows may have no value."),
    ("column", "default"): _default,
    ("column", "identity"): _identity,
    ("column", "generated"): _always(Weight.MATTERS, "The column has other values, or must be written."),
    ("column", "collation"): _always(Weight.JUDGE, "Texts sort and compare differently."),
    ("constraint", "definition"): _always(
        Weight.JUDGE, "Other rows are accepted, or other rows go with a deleted one."
    ),
    ("constraint", "validated"): _only_if("validated", "no", "Older rows may break it.", "All rows are checked."),
    ("constraint", "index valid"): _always(Weight.MATTERS, "It does not hold for every row."),
    ("index", "definition"): _index,
    ("index", "clustered"): _always(Weight.HARMLESS, "It only decides by what CLUSTER sorts the rows."),
    ("constraint", "clustered"): _always(Weight.HARMLESS, "It only decides by what CLUSTER sorts the rows."),
    (GRANT, "privileges"): _privileges,
    ("index", "valid"): _only_if("valid", "no", "No query uses it.", "Queries use it."),
    ("trigger", "definition"): _always(Weight.MATTERS, "Something else happens on each write."),
    ("trigger", "enabled"): _always(Weight.MATTERS, "It runs for other writes, or for none."),
    ("", "definition"): _always(Weight.MATTERS, "It returns or does something else."),
    ("", "values"): _always(Weight.MATTERS, "Values that code writes may be refused, and sort differently."),
    ("", "populated"): _only_if("populated", "no", "Queries on it fail until it is refreshed.", "It has its rows."),
    ("", "logged"): _only_if("logged", "no", "A crash of the server empties it.", "It survives a crash of the server."),
    ("", "row security"): _always(Weight.MATTERS, "Other rows are visible or may be written."),
    ("", "owned by"): _always(Weight.HARMLESS, "It only decides what is dropped together."),
    ("column", "storage"): _always(Weight.HARMLESS, "It only affects the size on disk."),
    ("column", "compression"): _always(Weight.HARMLESS, "It only affects the size on disk."),
}
"""What each property means, by kind of part; the empty kind stands for every kind."""


def _fills_itself(column: Properties) -> bool:
    """Return whether an INSERT may leave the column out."""
    return any(column[name] is not None for name in ("default", "identity", "generated"))


def _numbers_rows(column: Properties) -> bool:
    return column["identity"] is not None or (column["default"] or "").startswith("nextval(")
