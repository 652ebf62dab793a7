"""docs/benchmarks.md: one part per section with its own date and machine, so that sections can run separately."""

from __future__ import annotations

import re
from pathlib import Path

DOCUMENT = Path(__file__).resolve().parent.parent / "docs" / "benchmarks.md"

_OPENING = """\
# Benchmarks

Written by `make bench`; no figure is entered manually. `make bench SECTION=migrations` updates one section and leaves
the others unchanged, `QUICK=1` takes fewer rounds. Contenders take turns within one run, figures are medians, and
ratios compare values of the same round. Compare figures of different runs or machines with care.
"""


def replace_section(name: str, text: str, document: Path = DOCUMENT) -> None:
    """Replace the section `name` of the document by `text`; append a new section."""
    before = document.read_text(encoding="utf-8") if document.exists() else ""
    parts = dict(re.findall(r"<!-- section (\w+) -->\n(.*?)(?=<!-- section |\Z)", before, re.DOTALL))
    parts[name] = text
    sections = "\n".join(f"<!-- section {name} -->\n{part.strip()}\n" for name, part in parts.items())
    document.write_text(f"{_OPENING}\n{sections}", encoding="utf-8")
