"""Run one section or all usual ones: print the tables, and write them to docs/benchmarks.md."""

from __future__ import annotations

import argparse
import importlib
import os
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.document import replace_section
from bench.machine import description
from bench.section import Bench
from bench.table import Promise, Table, promises_text

SECTIONS = ("migrations", "phone", "pages", "scale", "understanding", "jobs", "calendars", "notices", "instructions")
DEFAULT_SECTIONS = SECTIONS[:3]


def main() -> None:
    """Run the sections that the command line names."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument(
        "sections",
        nargs="*",
        metavar="section",
        help=f"{', '.join(SECTIONS)}; {', '.join(DEFAULT_SECTIONS)} by default",
    )
    parser.add_argument("--quick", action="store_true", help="fewer rounds (also: QUICK=1)")
    arguments = parser.parse_args()
    unknown = set(arguments.sections) - set(SECTIONS)
    if unknown:
        parser.error(f"no section {', '.join(sorted(unknown))}: there are {', '.join(SECTIONS)}")
    quick = arguments.quick or os.environ.get("QUICK", "") not in {"", "0"}
    for name in arguments.sections or DEFAULT_SECTIONS:
        run_section(name, quick=quick)


def run_section(name: str, *, quick: bool) -> None:
    """Run one section, print its tables as they become ready, and write them into the document."""
    section = importlib.import_module(f"bench.{name}")
    machine = description()
    print(f"## {section.TITLE}\n\n{machine}\n", flush=True)
    began = time.monotonic()
    texts: list[str] = []
    promises: list[Promise] = []
    with TemporaryDirectory(prefix="peterental-bench-") as folder:
        for part in section.measure(Bench(Path(folder), quick=quick)):
            texts.append(part.text() if isinstance(part, Table) else f"{part}\n")
            promises += part.promises if isinstance(part, Table) else []
            print(texts[-1], flush=True)
    took = f"Measured in {time.monotonic() - began:.0f} s{' with few rounds (QUICK=1)' if quick else ''}."
    summary = [f"{promises_text(promises)}\n"] if promises else []
    print(*summary, f"{took}\n", sep="\n", flush=True)
    replace_section(name, "\n".join([f"## {section.TITLE}\n", f"{machine} {took}\n", *summary, *texts]))


if __name__ == "__main__":
    main()
