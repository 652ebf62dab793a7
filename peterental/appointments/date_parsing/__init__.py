"""The date and time parser of the phone: from what an assistant sends to a time, a search, or a question.

Pure: no clock, no database. The way of a phrase:

    tokens.py         numbers, words and written dates; one word list per language (english.py, spanish.py)
    grammar.py        the engine: small rules join neighboring tokens
    *_rules.py        the grammar: dates, days, lengths of time, clock times, limits, choices
    phrase.py         what the grammar found, sorted into a phrase_model.py
    corrections.py    "Tuesday, no, Wednesday": what counts of both
    machine.py        ISO 8601, RFC 2822, epochs and other forms that are no words
    places.py         days in the calendar; spans.py and holiday_names.py help
    day_agreement.py  the days that all expressions of a phrase agree on
    times.py          times of day in the working hours
    resolve.py        the one reading that agrees with everything known, or the question that names the readings
    offers.py         choices from an offer
    follow_up.py      answers to the last question
    change.py         changes relative to a booking; named_booking.py leaves out what names that booking
    anchors.py        "this time next week", "same time Friday": the clock time of the present, or of an offer
    naming.py         which of several viewings words name: "cancel the Friday one"
    caller.py         the caller's own lines
    parser.py         the entry points; explain.py adds the reasons
"""

from __future__ import annotations

from peterental.appointments.date_parsing.context import Asked, Context, CurrentBooking
from peterental.appointments.date_parsing.explain import Explanation, explain
from peterental.appointments.date_parsing.naming import (
    named_viewings,
    viewing_at_place,
    viewing_spared,
    viewings_left,
)
from peterental.appointments.date_parsing.parser import parse_change, parse_search, parse_start, refers_back
from peterental.appointments.date_parsing.result import (
    AmOrPm,
    Clarification,
    ConfirmDay,
    DayNeeded,
    DayRange,
    ExactTime,
    MinuteRange,
    NotUnderstood,
    OffsetUnclear,
    Option,
    Search,
    SkippedByDst,
    TimeNeeded,
    WeekdayMismatch,
    WhichDay,
    WhichOffer,
    WhichTime,
    ZoneUnclear,
)

__all__ = (
    "AmOrPm",
    "Asked",
    "Clarification",
    "ConfirmDay",
    "Context",
    "CurrentBooking",
    "DayNeeded",
    "DayRange",
    "ExactTime",
    "Explanation",
    "MinuteRange",
    "NotUnderstood",
    "OffsetUnclear",
    "Option",
    "Search",
    "SkippedByDst",
    "TimeNeeded",
    "WeekdayMismatch",
    "WhichDay",
    "WhichOffer",
    "WhichTime",
    "ZoneUnclear",
    "explain",
    "named_viewings",
    "parse_change",
    "parse_search",
    "parse_start",
    "refers_back",
    "viewing_at_place",
    "viewing_spared",
    "viewings_left",
)
