"""How long things take in the lab, in seconds. The order of their lengths is that of production."""

from __future__ import annotations

from datetime import timedelta

EXCHANGE_S = 1.5
"""How long one exchange with a mail server or Twilio may take."""

LATE_S = 1.0
"""How long after that Twilio may still take a text whose sender has given up."""

LIST_LAG_S = 1.0
"""How long a text may be missing in Twilio's list."""

TAKEN_WITHIN = timedelta(seconds=5)
"""A text that Twilio takes later after its hand-over may not be listed when it is looked up. Then it is the lab that
is too slow: production looks up after minutes what is taken within seconds."""

LISTED_AFTER = timedelta(seconds=2)
CLAIM_LASTS = timedelta(seconds=4)
LOOK_UP_AFTER = timedelta(seconds=7)
LEAVE_UNKNOWN_AFTER = timedelta(seconds=9)
OVERDUE_AFTER = timedelta(seconds=1)
FIRST_WAIT = timedelta(seconds=0.1)
LONGEST_WAIT = timedelta(seconds=1)
ELSEWHERE_WAIT = timedelta(seconds=0.5)
FIRST_PAUSE = timedelta(seconds=0.2)
LONGEST_PAUSE = timedelta(seconds=1)
RECORD_PAUSE_S = 0.5

SUSPENDED_S = 5.0
"""How long a worker is suspended: longer than its claims last."""

TWILIO_CLOCK_BEHIND = timedelta(seconds=20)
REMINDED_BEFORE = {"reminder_day": timedelta(days=10), "reminder_hours": timedelta(days=5)}
"""Viewings that are so near are reminded of at once."""
