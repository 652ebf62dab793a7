"""Match what callers say of homes and names with what is known of them. Pure."""

from __future__ import annotations

from peterental.matching.addresses import Address, heard_address, number_words, parse_address, said_addresses
from peterental.matching.candidates import Discriminator, Resolution, ResolutionKind, candidates, told_apart
from peterental.matching.comparison import INCOMPLETE, AddressComparison, Reason, compare, compare_texts
from peterental.matching.denials import without_denied
from peterental.matching.localities import canonical_city
from peterental.matching.match import Match
from peterental.matching.names import names_match
from peterental.matching.near_numbers import may_be_misheard, near_patterns
from peterental.matching.placeholders import is_area, is_placeholder_home, is_placeholder_name
from peterental.matching.sounds import sound_of
from peterental.matching.spoken_emails import spoken_email
from peterental.matching.spoken_names import spoken_name
from peterental.matching.units import letter_name

__all__ = [
    "INCOMPLETE",
    "Address",
    "AddressComparison",
    "Discriminator",
    "Match",
    "Reason",
    "Resolution",
    "ResolutionKind",
    "candidates",
    "canonical_city",
    "compare",
    "compare_texts",
    "heard_address",
    "is_area",
    "is_placeholder_home",
    "is_placeholder_name",
    "letter_name",
    "may_be_misheard",
    "names_match",
    "near_patterns",
    "number_words",
    "parse_address",
    "said_addresses",
    "sound_of",
    "spoken_email",
    "spoken_name",
    "told_apart",
    "without_denied",
]
