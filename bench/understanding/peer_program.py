"""Run one general date parser over all phrases, inside the virtualenv where it is installed."""

from __future__ import annotations

import importlib
import json
import signal
import sys
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

_WORDS = "maybe the one after 3 or 12/8 next, "
NONSENSE = (_WORDS * 285, _WORDS * 8)
TIMEOUT_S = 60

Parser = Callable[[str, datetime], datetime | None]


def main() -> None:
    """Read phrases, write what the parser returns for each, and how long it took."""
    name, questions, answers = sys.argv[1:]
    parse = PARSERS[name]()
    times: list[str | None] = []
    phrase_us: list[float] = []
    for now_text, phrase in json.loads(Path(questions).read_text(encoding="utf-8")):
        now = datetime.fromisoformat(now_text)
        began = time.perf_counter()
        found = attempted(parse, phrase, now)
        phrase_us.append((time.perf_counter() - began) * 1e6)
        times.append(None if found is None else found.replace(tzinfo=None).isoformat())
    result = {"times": times, "phrase_us": phrase_us, "nonsense_ms": [nonsense_ms(parse, text) for text in NONSENSE]}
    Path(answers).write_text(json.dumps(result), encoding="utf-8")


def attempted(parse: Parser, phrase: str, now: datetime) -> datetime | None:
    """Return what the parser returns for a phrase; an exception counts as nothing."""
    try:
        return parse(phrase, now)
    except Exception:  # noqa: BLE001 - whatever another library raises is no answer
        return None


def nonsense_ms(parse: Parser, text: str) -> float | None:
    """Return how long nonsense takes, in milliseconds; None after a minute."""

    def time_out(*_: object) -> None:
        raise TimeoutError

    signal.signal(signal.SIGALRM, time_out)
    signal.alarm(TIMEOUT_S)
    began = time.perf_counter()
    try:
        parse(text, datetime(2026, 11, 29, 10))  # noqa: DTZ001 - a wall clock
    except TimeoutError:
        return None
    except Exception:  # noqa: BLE001, S110 - whatever another library raises ends its work as well
        pass
    finally:
        signal.alarm(0)
    return (time.perf_counter() - began) * 1000


def dateparser() -> Parser:
    """Return dateparser, set to the future, in English and Spanish."""
    module: Any = importlib.import_module("dateparser")

    def parse(phrase: str, now: datetime) -> datetime | None:
        settings = {"RELATIVE_BASE": now, "PREFER_DATES_FROM": "future", "RETURN_AS_TIMEZONE_AWARE": False}
        found: datetime | None = module.parse(phrase, languages=["en", "es"], settings=settings)
        return found

    return parse


def parsedatetime() -> Parser:
    """Return parsedatetime; a date without a time of day counts as nothing."""
    module: Any = importlib.import_module("parsedatetime")
    calendar = module.Calendar()

    def parse(phrase: str, now: datetime) -> datetime | None:
        found, flag = calendar.parseDT(phrase, sourceTime=now)
        return found if flag in {2, 3} else None

    return parse


def ctparse() -> Parser:
    """Return ctparse; a date without a time of day counts as nothing, of an interval the start counts."""
    module: Any = importlib.import_module("ctparse")

    def parse(phrase: str, now: datetime) -> datetime | None:
        found = module.ctparse(phrase, ts=now, timeout=TIMEOUT_S)
        resolution = None if found is None else found.resolution
        resolution = getattr(resolution, "t_from", None) or resolution
        if resolution is None or getattr(resolution, "hour", None) is None or resolution.year is None:
            return None
        at: datetime = resolution.dt
        return at

    return parse


def timefhuman() -> Parser:
    """Return timefhuman; of several answers none counts, of an interval the start counts."""
    module: Any = importlib.import_module("timefhuman")

    def parse(phrase: str, now: datetime) -> datetime | None:
        found = module.timefhuman(phrase, module.tfhConfig(now=now))
        if isinstance(found, list):
            found = found[0] if len(found) == 1 else None
        if isinstance(found, tuple):
            found = found[0]
        return found if isinstance(found, datetime) else None

    return parse


PARSERS: dict[str, Callable[[], Parser]] = {
    "dateparser": dateparser,
    "parsedatetime": parsedatetime,
    "ctparse": ctparse,
    "timefhuman": timefhuman,
}

if __name__ == "__main__":
    main()
