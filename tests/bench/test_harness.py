"""The bench's own arithmetic and its document: fair turns, ratios within a round, sections that leave others alone."""

from __future__ import annotations

import sys
from pathlib import Path

from bench.document import replace_section
from bench.measure import Sample, interleaved, ratio
from bench.programs import Command, Running
from bench.table import aligned


def test_contenders_take_turns_and_each_goes_first_in_time() -> None:
    turns: list[tuple[int, str]] = []

    def noting(name: str, number: int) -> float:
        turns.append((number, name))
        return 1.0

    interleaved({"a": lambda n: noting("a", n), "b": lambda n: noting("b", n)}, 2)
    assert turns == [(0, "a"), (0, "b"), (1, "b"), (1, "a")]


def test_the_round_to_warm_up_does_not_count() -> None:
    samples = interleaved({"a": float}, 2, warm_up=True)
    assert samples["a"].values == [0.0, 1.0]


def test_a_slow_round_that_hits_everybody_leaves_the_ratio_alone() -> None:
    assert ratio(Sample([2.0, 20.0, 2.0]), Sample([1.0, 10.0, 1.0])) == 2.0


def test_rounds_that_disagree_are_called_noisy() -> None:
    assert Sample([1.0, 1.0, 1.1, 1.1]).spread("ms", 1) == "1.0-1.1 ms"
    assert Sample([1.0, 2.0, 3.0, 4.0]).spread("ms", 1) == "1.0-4.0 ms, noisy"


def test_figures_stand_to_the_right_and_words_to_the_left() -> None:
    assert aligned(("tool", "took", "says"), [("ours", "9 ms", ""), ("psql", "10 ms", "no")]) == (
        "| tool |  took | says |\n|------|------:|------|\n| ours |  9 ms |      |\n| psql | 10 ms | no   |"
    )


def test_a_section_is_replaced_and_the_others_stay(tmp_path: Path) -> None:
    document = tmp_path / "benchmarks.md"
    replace_section("phone", "## Phone\n\nfast", document)
    replace_section("pages", "## Pages\n\nslow", document)
    replace_section("phone", "## Phone\n\nfaster", document)
    text = document.read_text(encoding="utf-8")
    assert text.index("## Phone\n\nfaster\n") < text.index("## Pages\n\nslow\n")
    assert text.count("## Phone") == 1


def test_how_a_program_ended_is_told_to_whoever_asks_again() -> None:
    running = Running(Command([sys.executable, "-c", "print('so long'); raise SystemExit(3)"]))
    first = running.outcome()
    assert (first.code, first.output) == (3, "so long\n")
    assert running.outcome() is first
