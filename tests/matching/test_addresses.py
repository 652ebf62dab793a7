"""Which addresses are of one home, which are not, and which must be asked about."""

from __future__ import annotations

from pathlib import Path

import pytest

from peterental.matching import Match, compare_texts, parse_address

VERDICTS = {"same": Match.SAME, "diff": Match.DIFFERENT, "ask": Match.UNSURE}


def pairs() -> list[tuple[Match, str, str]]:
    lines = Path(__file__).with_name("addresses.txt").read_text(encoding="utf-8").splitlines()
    rows = [line.split("|") for line in lines if line.strip() and not line.startswith("#")]
    return [(VERDICTS[verdict.strip()], one.strip(), other.strip()) for verdict, one, other in rows]


PAIRS = pairs()


@pytest.mark.parametrize(
    ("verdict", "one", "other"), PAIRS, ids=lambda value: value.value if isinstance(value, Match) else value
)
def test_pair_has_its_verdict_in_both_orders(verdict: Match, one: str, other: str) -> None:
    first, second = compare_texts(one, other), compare_texts(other, one)
    assert (first.match, second.match) == (verdict, verdict), (first.reason, parse_address(one), parse_address(other))


def test_table_has_enough_pairs_of_each_kind() -> None:
    counts = {match: sum(verdict is match for verdict, _, _ in PAIRS) for match in Match}
    assert len(PAIRS) >= 200
    assert min(counts.values()) >= 40
    assert len(set(PAIRS)) == len(PAIRS)
