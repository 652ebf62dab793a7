"""Recognise what language models write where a caller named no home or gave no name. Pure.

A text is a placeholder only if every one of its words is: "any property" is one, "Any Gabrielly" and "12 Any Street"
are not. English and Spanish.
"""

from __future__ import annotations

import re
from functools import lru_cache

from peterental.folding import fold, word_set
from peterental.matching.address_words import ROOM_WORDS
from peterental.matching.spoken_numbers import is_number
from peterental.matching.usps import STREET_TYPES

LONGEST_TEXT = 500
"""Characters that are looked at; placeholders are short."""

_TEMPLATE = re.compile(r"\{\{[^{}]*\}\}|\$?\{[^{}]*\}|<%[^%]*%>|%[a-zA-Z_]+%|<[a-zA-Z_ ]+>|\[[a-zA-Z_ ]+\]")
_ORDINAL = re.compile(r"\d+(?:st|nd|rd|th)")
_ORDINAL_WORDS = word_set("first second third fourth fifth")
_NOT_APPLICABLE = re.compile(r"\bn\s*[/.]\s*a\b")
_TO_BE_DECIDED = re.compile(r"\bt\.\s?b\.\s?([dac])\b")
_WORD = re.compile(r"[^\W_]+")
_LETTERS_REPEATED = re.compile(r"x{2,}|y{3,}|z{3,}|(?:asdf)+|n/?a")

_UNKNOWN = word_set("""
    tbd tba tbc any anything anywhere anyone anybody unknown unspecified undefined undetermined undecided unsure
    null none nil nan na nothing nowhere whatever whichever wherever something somewhere some string text value
    example sample placeholder default pending available unavailable missing empty blank determined announced
    confirmed decided provided specified given mentioned stated applicable required optional preference sure know
    idea cualquiera cualquier desconocido desconocida ninguno ninguna algo alguno alguna definir determinar
    confirmar especificar especificado especificada pendiente aplica sea ejemplo se proporcionado disponible
""")
"""Words that state that something is not known."""

_LITTLE_WORDS = word_set("""
    a an the it its is are was be been being to of for in on at or and not no yet i im me my mine your yours our we
    you he she him her his hers they them their this that these those one ones same other here there as from with
    youve ive dont do does did have has didnt hasnt which what who whom how n s t el la los las lo un una uno unos
    ours nuestra nuestro mia mio mias mios aquella aquel
    de del en por para al o y mi mis su sus tu se que es esta este esa ese sin quien eso yes yeah ok okay si dio please
""")

_HOME_WORDS = word_set("""
    home homes house houses property properties propertyaddress apartment apartments apt apts unit units place
    places listing listings rental rentals condo condos condominium townhouse townhome duplex studio building room
    rooms address location street name number full insert enter viewing showing tour visit bedroom bedrooms bed beds
    bath baths bathroom bathrooms br ba caller callers customer customers client clients user users want wants
    interested looking like discussed mentioned selected chosen choice requested first second third fourth fifth
    last next previous current above below nice big small large cheap cheapest biggest nicest best available nearest
    open vacant near you new casa apartamento departamento propiedad piso direccion domicilio vivienda lugar
    inmueble cliente usuario habitaciones habitacion recamaras got saw seen online website advertised interest
    preferred preference details object objects rent sale told about newest latest portfolio office complex will
    later confirm confirms misma mismo vi dos tres cuatro ve called calling asked asking inquired talked
    pregunto pregunte before again sign ad advert poster flyer tenga tengan haya quede queda
    appointment appointments booking bookings reservation cita citas visita visitas reserva reservacion casas viviendas
    apartamentos departamentos propiedades otra otro otras otros primera primero segunda segundo tercera tercero ultima
    ultimo siguiente anterior
""")
"""Words that say that a home is meant without saying which."""

_NAME_WORDS = word_set("""
    caller callers calling customer customers client clients user users guest guests visitor visitors attendee
    attendees prospect prospects lead tenant renter applicant person people someone somebody anonymous anon unnamed
    name names first last full middle given family surname firstname lastname fullname attendeename username
    callername customername mr mrs ms miss mx sir madam maam mister missus gentleman lady insert enter phone line
    wireless private blocked restricted withheld speaking myself himself herself themself themselves assistant robot
    bot agent number who said senor senora senorita sr sra srta nombre apellido cliente usuario usuaria persona
    llamante llama llamando interlocutor invitado visitante huesped telefono anonimo anonima completo prospective
    potential new interested party voice vapi buyer owner hidden known id object clienta
""")

_NAMES_TOO = frozenset(("nada", "nil", "any", "sea", "some", "sure", "pending", "na"))
"""Unknown-words that are given names or surnames where they stand alone, written like a name ("Na", not "NA")."""

_PRONOUNS = word_set("""
    me i it its he she him her them they you we us this that yo ella el ellos same as before yes no okay hello
    please and misma mismo
""")
_PARTS_OF_AN_ADDRESS = frozenset(("name", "address", "number", "direccion"))
_TYPES = frozenset(STREET_TYPES) - {"place", "pl"}


def is_placeholder_home(text: str) -> bool:
    """Return whether `text` names no home: "TBD", "{{property}}", "it", "the two-bedroom one", "any", "".

    A number that is no count of rooms, or any word that is not in the lists, names a home: "12 Unknown Rd" is an
    address, and so is "First Street". "Unknown Rd", "the first one" and "the place" are not.
    """
    return _names_no_home(text[:LONGEST_TEXT])


@lru_cache(1_000)
def _names_no_home(text: str) -> bool:
    """Return what `is_placeholder_home` does. Callers name the same homes again and again."""
    rest = _without_templates(text)
    if _is_letters(rest):
        return True
    words = _words(rest)
    others = [word for word in _without_counts(words) if word not in _LITTLE_WORDS]
    identifying = [word for word in others if word not in _UNKNOWN and word not in _HOME_WORDS and word not in _TYPES]
    ordinals_identify = "on" in words
    if any(not _ORDINAL.fullmatch(word) or ordinals_identify for word in identifying):
        return False
    if ordinals_identify and not set(others).isdisjoint(_ORDINAL_WORDS):
        return False
    types = [word for word in others if word in _TYPES]
    if not types or not _UNKNOWN.isdisjoint(others) or not _PARTS_OF_AN_ADDRESS.isdisjoint(others):
        return True
    return len(others) == 1


def is_area(text: str) -> bool:
    """Return whether a text names where a home may be, and no home: "somewhere in Norman", "anything near Main"."""
    words = fold(text[:LONGEST_TEXT]).split()
    is_open = len(words) > 2 and words[0] in _SOMEWHERE and words[1] in _IN  # noqa: PLR2004 - and the name
    return is_open and not any(word[0].isdecimal() for word in words)


_SOMEWHERE = word_set("somewhere anywhere something anything cualquiera cualquier algo")
_IN = word_set("in near around close by on en cerca por")


def is_placeholder_name(text: str) -> bool:
    """Return whether `text` is no name: "the caller", "{{name}}", "N/A", "customer", "my name", "", "...".

    Digits are no name either: some networks send the number in place of the name.
    """
    rest = _without_templates(text).strip()
    words = _words(rest)
    if _is_letters(rest) or (len(words) == 1 and words[0] in _NAMES_TOO):
        return not (rest.istitle() and words[0] in _NAMES_TOO) or "/" in rest
    if all(word in _PRONOUNS for word in words):
        return True
    signs = [word for word in words if word in _NAME_WORDS or word in _UNKNOWN or word.isdecimal()]
    return bool(signs) and all(word in signs or word in _LITTLE_WORDS for word in words)


def _without_templates(text: str) -> str:
    """Return `text` without variables that a template left unfilled."""
    return _TEMPLATE.sub(_kept, text[:LONGEST_TEXT])


def _kept(match: re.Match[str]) -> str:
    """Return what may be meant in single brackets ("[Apt B]"); nothing of a template."""
    found = match[0]
    return f" {found[1:-1]} " if found[0] in "[<" and not found.startswith("<%") else " "


def _words(text: str) -> list[str]:
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", text)
    folded = _TO_BE_DECIDED.sub(r"tb\1", _NOT_APPLICABLE.sub("na", fold(spaced)))
    return _WORD.findall(folded)


def _is_letters(text: str) -> bool:
    """Return whether `text` is "N/A" or one letter repeated ("xxx")."""
    return _LETTERS_REPEATED.fullmatch(fold(text).strip(" .-_")) is not None


def _without_counts(words: list[str]) -> list[str]:
    """Drop counts of rooms ("two bedroom", "2br"); other numbers stay."""
    words = [word for word in words if not re.fullmatch(r"\d{1,2}(?:brs?|beds?|bds?|ba|baths?)", word)]
    kept = []
    for at, word in enumerate(words):
        following = words[at + 1] if at + 1 < len(words) else ""
        if not (following in ROOM_WORDS and is_number(word)):
            kept.append(word)
    return kept
