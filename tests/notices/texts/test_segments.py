"""How many segments a text has."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peterental.notices.texts.segments import GSM7_BASIC, GSM7_EXTENSION, Segments, segments


@pytest.mark.parametrize(
    ("text", "encoding", "characters", "count"),
    [
        ("", "gsm7", 0, 1),
        ("a" * 160, "gsm7", 160, 1),
        ("a" * 161, "gsm7", 161, 2),
        ("a" * 306, "gsm7", 306, 2),
        ("a" * 307, "gsm7", 307, 3),
        ("¿Mañana a las 3? ÉÑÜ äöñüà ßø", "gsm7", 29, 1),
        ("€" * 80, "gsm7", 160, 1),
        ("€" * 81, "gsm7", 162, 2),
        ("[x]", "gsm7", 5, 1),
        ("á" * 70, "ucs2", 70, 1),
        ("á" * 71, "ucs2", 71, 2),
        ("á" * 134, "ucs2", 134, 2),
        ("á" * 135, "ucs2", 135, 3),
        ("it\u2019s", "ucs2", 4, 1),
        ("👍" * 35, "ucs2", 70, 1),
        ("👍" * 36, "ucs2", 72, 2),
    ],
)
def test_segments_are_counted_as_networks_bill_them(text: str, encoding: str, characters: int, count: int) -> None:
    assert segments(text) == Segments(encoding, characters, count)  # type: ignore[arg-type]  # a Literal


def test_no_character_of_two_places_is_split() -> None:
    """153 is odd: the last place of a segment stays empty before a euro sign, so three hold 228, not 229."""
    assert segments("€" * 152).count == 2
    assert segments("€" * 153).count == 3
    assert segments("👍" * 66).count == 2
    assert segments("👍" * 67).count == 3


def test_the_alphabet_is_that_of_gsm_03_38() -> None:
    """127 characters beside the escape; 9 with an escape, and the form feed."""
    assert len(GSM7_BASIC) == 127
    assert len(GSM7_EXTENSION) == 10
    assert not GSM7_BASIC & GSM7_EXTENSION
    assert not GSM7_BASIC & set("áíóúÁÍÓÚçâêÀ\u2018\u2019\u201c\u201d\u2013`")


@given(st.text(max_size=500))
def test_a_longer_text_never_has_fewer_segments(text: str) -> None:
    for more in ("a", "€", "👍"):
        assert segments(text + more).count >= segments(text).count
