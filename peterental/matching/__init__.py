"""Match what callers say of homes and names with what is known of them. Pure."""

from __future__ import annotations

from peterental.matching.addresses import Address, parse_address
from peterental.matching.candidates import Discriminator, Resolution, ResolutionKind, candidates
from peterental.matching.comparison import AddressComparison, Reason, compare, compare_texts
from peterental.matching.match import Match
from peterental.matching.names import names_match
from peterental.matching.placeholders import is_placeholder_home, is_placeholder_name

__all__ = [
    "Address",
    "AddressComparison",
    "Discriminator",
    "Match",
    "Reason",
    "Resolution",
    "ResolutionKind",
    "candidates",
    "compare",
    "compare_texts",
    "is_placeholder_home",
    "is_placeholder_name",
    "names_match",
    "parse_address",
]
