"""The highest numbers that columns hold.

A number from an address may be higher. A query with such a number fails, so it is compared first.
"""

from __future__ import annotations

MAX_INTEGER = 2**31 - 1
MAX_BIGINT = 2**63 - 1
