"""docs/benchmarks.md: one part per section, each with its own date and machine, so that sections run one at a time."""

from __future__ import annotations

import re
from pathlib import Path

DOCUMENT = Path(__file__).resolve().parent.parent / "docs" / "benchmarks.md"

_OPENING = """\
# Benchmarks

Written by `make bench`; nothing here is typed in by hand. `make bench SECTION=migrations` measures one section anew and
leaves the others as they are, `QUICK=1` takes fewer rounds. Contenders take turns within one run, figures are medians,
and ratios compare what was measured in the same round; compare figures of two runs, or of two machines, with care.
"""


def replace_section(name: str, text: str, document: Path = DOCUMENT) -> None:
    """Put `text` where the section `name` stands in the document, or at its end."""
    before = document.read_text(encoding="utf-8") if document.exists() else ""
    parts = dict(re.findall(r"<!-- section (\w+) -->\n(.*?)(?=<!-- section |\Z)", before, re.DOTALL))
    parts[name] = text
    sections = "\n".join(f"<!-- section {name} -->\n{part.strip()}\n" for name, part in parts.items())
    document.write_text(f"{_OPENING}\n{sections}", encoding="utf-8")
