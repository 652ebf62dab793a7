"""The harness of the benchmarks: turns, ratios within a round, sections of the document."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from bench.document import replace_section
from bench.measure import Sample, interleaved, ratio
from bench.programs import Command, Running
from bench.table import aligned

pytestmark = pytest.mark.untraced


def test_contenders_take_turns_in_rotating_order() -> None:
    turns: list[tuple[int, str]] = []

    def record(name: str, number: int) -> float:
        turns.append((number, name))
        return 1.0

    interleaved({"a": lambda n: record("a", n), "b": lambda n: record("b", n)}, 2)
    assert turns == [(0, "a"), (0, "b"), (1, "b"), (1, "a")]


def test_the_warm_up_round_does_not_count() -> None:
    samples = interleaved({"a": float}, 2, warm_up=True)
    assert samples["a"].values == [0.0, 1.0]


def test_a_slow_round_does_not_change_the_ratio() -> None:
    assert ratio(Sample([2.0, 20.0, 2.0]), Sample([1.0, 10.0, 1.0])) == 2.0


def test_a_wide_spread_is_marked_as_noisy() -> None:
    assert Sample([1.0, 1.0, 1.1, 1.1]).spread("ms", 1) == "1.0-1.1 ms"
    assert Sample([1.0, 2.0, 3.0, 4.0]).spread("ms", 1) == "1.0-4.0 ms, noisy"


def test_figures_are_right_aligned_and_words_left() -> None:
    assert aligned(("tool", "took", "says"), [("ours", "9 ms", ""), ("psql", "10 ms", "no")]) == (
        "| tool |  took | says |\n|------|------:|------|\n| ours |  9 ms |      |\n| psql | 10 ms | no   |"
    )


def test_replacing_a_section_keeps_the_others(tmp_path: Path) -> None:
    document = tmp_path / "benchmarks.md"
    replace_section("phone", "## Phone\n\nfast", document)
    replace_section("pages", "## Pages\n\nslow", document)
    replace_section("phone", "## Phone\n\nfaster", document)
    text = document.read_text(encoding="utf-8")
    assert text.index("## Phone\n\nfaster\n") < text.index("## Pages\n\nslow\n")
    assert text.count("## Phone") == 1


def test_the_outcome_of_a_program_is_kept() -> None:
    running = Running(Command([sys.executable, "-c", "print('so long'); raise SystemExit(3)"]))
    first = running.outcome()
    assert (first.code, first.output) == (3, "so long\n")
    assert running.outcome() is first
