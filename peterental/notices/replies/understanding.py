"""What a text that a visitor sent means. Pure, and conservative: what is not clear is a message for the agent.

Opting out comes first. The words of 47 CFR 64.1200(a)(10) (stop, quit, end, revoke, opt out, cancel, unsubscribe) opt
out with whatever words around them, and such a text is never taken as an answer too. There are two exceptions: who
writes "cancel my viewing" speaks of the viewing, and a few phrases are no request at all ("I'll stop by at 3").
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from peterental.folding import fold, word_set
from peterental.notices.model import Language

Meaning = Literal[
    "stop", "start", "help", "wrong_person", "confirm", "agree", "cancel", "decline", "move", "courtesy", "message"
]
"""agree (OK) and decline (NO) are answers only where a question was asked. courtesy (thanks) expects no answer."""

LONGEST_TEXT = 1600
"""Twilio's limit, in characters."""


@dataclass(frozen=True)
class Understanding:
    """What a text means.

    Args:
        meaning: of the text as a whole.
        language: in which it is written; None if it could be any.
        has_more: whether a text that opts out says more than that.
        speaks_of_cancelling: whether a text that opts out does so by the word for cancelling, which may mean the
            viewing.
        days: the days that it names: `today`, `tomorrow`, or English weekdays.
    """

    meaning: Meaning
    language: Language | None = None
    has_more: bool = False
    speaks_of_cancelling: bool = False
    days: frozenset[str] = frozenset()


# --- words -----------------------------------------------------------------------------------------------------------

_THUMBS_UP, _THUMBS_DOWN = "thumbsup", "thumbsdown"
_EMOJI = {
    ord(character): f" {word} "
    for characters, word in (("👍👌✅✔☑🆗💯🙌", _THUMBS_UP), ("👎❌✖🚫", _THUMBS_DOWN), ("🛑", "stop"))
    for character in characters
}

_NOUNS = "viewing|visit|appointment|appt|apt|appointement|showing|tour|booking|reservation|meeting"
_SPANISH_NOUNS = "visita|cita|reserva|reservacion"
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_DAYS = "|".join(("today", "todays", "tomorrow", "tomorrows", *WEEKDAYS))
_DAY_OF_WORD = {
    **dict(zip(WEEKDAYS, WEEKDAYS, strict=True)),
    **dict(zip(("lunes", "martes", "miercoles", "jueves", "viernes", "sabado", "domingo"), WEEKDAYS, strict=True)),
    **dict.fromkeys(("today", "todays", "tonight", "hoy"), "today"),
    **dict.fromkeys(("tomorrow", "tomorrows", "manana"), "tomorrow"),
}
_PARTS_OF_TODAY = word_set("morning afternoon evening manana tarde noche")

_NO_REQUEST = re.compile(
    r"\b(?:(?:ill|will|can|could|to|gonna) (?:i |we )?stop (?:by|in|over)|bus stop|stop sign|stop light|non stop"
    r"|(?:at|by|until|towards?|near) the end|end of|dead end|end unit|end up"
    r"|(?:does|will|should|would) (?:it|they|this|that|(?:the|my|our) (?:" + _NOUNS + r")) end"
    r"|(?:dont|do not|not|never|didnt|wont) (?:want to |need to |have to |wanna )?cancel"
    r"|no (?:quiero |voy a |necesito )?(?:cancelar|cancele|cancelen|canceles))\b"
)
"""Words that opt out elsewhere, in phrases that ask for nothing of the kind."""

_CANCEL_VIEWING = re.compile(
    rf"\b(?:cancel|cancell|call off) (?:(?:my|the|our|this|that|upcoming|{_DAYS}) ){{0,3}}(?:{_NOUNS})s?\b"
    rf"|\b(?:cancelar|cancele|cancelen|cancela|cancelo|cancelamos|anular|anule|anulen)"
    rf" (?:(?:mi|la|las|mis|nuestra|esta|su|de) ){{0,2}}(?:{_SPANISH_NOUNS})s?\b"
)

_STOP = re.compile(
    r"\b(?:stop+|stopall|stoppen|quit|end|revoke|opt(?:ed|ing)? out|opt ?me out|optout|cancel|cancell|unsubscribed?"
    r"|unsuscribe|unsub|parar|pare|paren|basta|desuscribir(?:me)?|cancelar|cancele|cancelen|cancela)\b"
    r"|\b(?:(?:dont|do not|never|quit|no) (?:ever )?(?:text|texting|txt|message|messaging|contact|sms) (?:me|us|this)"
    r"|(?:dont|do not|never) (?:ever )?(?:text|txt|message|contact)(?: (?:anymore|any more|again|here|please|pls))?$"
    r"|(?:dont|do not|never|quit) send(?:ing)? (?:me |us )?(?:any |more |these |such )*(?:texts?|messages?|sms"
    r"|anything)"
    r"|(?:dont|do not) (?:want|wish|need) (?:to (?:get|receive|be) )?(?:any |more |your |these )*(?:texts?|messages?"
    r"|texted)"
    r"|(?:remove|delete|erase|lose) (?:my|this|our) (?:phone |cell )?number|take (?:my|this|our) number off"
    r"|(?:no more|no mas) (?:texts?|messages?|sms|mensajes|textos)|remove (?:me|us)|take (?:me|us) off|leave me alone"
    r"|(?:dejen?|dejar) de (?:escribir(?:me)?|mandar(?:me)?|enviar(?:me)?|textear(?:me)?|molestar(?:me)?)"
    r"|(?:dar(?:me)?|den(?:me)?) de baja|no (?:me )?(?:molest(?:ar|en?)|contacten?)"
    r"|no me (?:escriban?|manden?|envien?|texteen?)"
    r"|no (?:quiero|deseo) (?:recibir )?(?:mas |sus |estos )*(?:mensajes|textos)"
    r"|(?:borr|quit|elimin|sac)(?:ar|en?) (?:mi|este) numero|(?:borr|quit|elimin|sa[cq]u?)en?me)\b"
)
_CANCELLING = re.compile(r"\b(?:cancel|cancell|cancelar|cancele|cancelen|cancela)\b")
_BARE_STOP = word_set("alto para baja fin detener stopped")
"""Words that have another meaning in a sentence: alone, they opt out."""

_START = frozenset(
    {
        "start",
        "unstop",
        "optin",
        "opt in",
        "resume",
        "start again",
        "start texting me",
        "start texting me again",
        "empezar",
        "iniciar",
        "comenzar",
        "reanudar",
    }
)
_HELP = frozenset({"help", "info", "help me", "ayuda", "informacion", "ayudame"})
_WHO = re.compile(
    r"(?:^| )(?:who (?:is|are|r|s) (?:this|you|u|it)|whos (?:this|it)|who dis|what number is this|quien (?:es|eres)"
    r"(?: este| esto| usted)?|de quien es este numero)(?: number| texting| texting me| please| again)?$"
)
_WRONG_PERSON = re.compile(
    r"\bwrong (?:number|person|phone|guy|lady)\b|\bnumero equivocado\b|\bpersona equivocada\b"
    r"|\bequivocad[oa] de (?:numero|persona)\b|\bse (?:equivoco|equivoca|ha equivocado)\b"
)

_NOT_COMING = re.compile(
    r"\b(?:(?:cant|cannot|can not|couldnt|wont|will not|wont be able to|will not be able to|unable to|not able to"
    r"|not going to|not gonna|(?:wont|will not) be able to) (?:make it|come|be there|attend|go)"
    r"|not (?:coming|attending)"
    r"|no (?:puedo|podre|podremos|podemos|voy a|vamos a|voy a poder|vamos a poder) (?:ir|asistir|venir|llegar)"
    r"|no (?:ire|iremos|asistire|asistiremos))\b"
)
_MOVE = re.compile(
    r"\b(?:reschedul(?:e|ing)|postpone|(?:move|change|push|switch) (?:it|my|the|our|this|to)|push back"
    r"|(?:another|different|other|later|earlier|new) (?:time|day|date|hour)"
    r"|reprogramar|reagendar|posponer|aplazar|(?:cambiar|mover)(?:la)? (?:mi|la|de|el|a|para)|otra hora|otro dia"
    r"|otra fecha)\b"
)
_GUARDED = re.compile(
    r"\b(?:not|dont|didnt|doesnt|never|if|unless|but|why|was|were|did|does|should|instead|or|reschedule|move|change"
    r"|maybe|might|may|perhaps|when|what|how|who|where|which|fee|charge|policy|another time|different"
    r"|si|pero|por que|porque no|cuando|como|cual|quizas|tal vez|cambiar|mover|reprogramar)\b"
)
"""What makes it unclear whether a viewing is to be cancelled."""
_ASKS_US = re.compile(r"\b(?:can|could|would|will) (?:you|u)\b|\bplease\b|\bpls\b|\b(?:puede|pueden|podria|podrian)\b")

_COURTESY = word_set("""
    thanks thank you thx ty tysm please pls plz hi hello hey good morning afternoon evening so much very kindly dear
    gracias muchas mil por favor hola buenos buenas dias tardes noches muy amable sir maam much appreciated appreciate
    it u
""")
_YES = word_set("yes yep yeah yup yess yesss confirm confirmed confirming confirmo confirmado confirmada confirmar")
_COMING = re.compile(
    r"\b(?:(?:ill|i will|well|we will|we ll|will|definitely) be there|see (?:you|u|ya)"
    r"|(?:im|i am|were|we are|am) coming|on (?:my|our) way|planning to be there|c u"
    r"|(?:ahi|alli) (?:estare|estaremos|nos vemos)|nos vemos"
    r"|(?:ahi|alla) (?:voy|vamos)|estare (?:ahi|alli)|asistire|iremos)\b"
)
_ALONE = word_set("c 1 y si sip")
"""Letters and words that confirm only where nothing but courtesy is beside them."""
_CONFIRM_FILLERS = word_set("""
    i we ill well will be there im am are were coming the my our this that for to at on and a all set it still
    see you u ya then tomorrow today tonight monday tuesday wednesday thursday friday saturday sunday morning afternoon
    evening ok okay sure great perfect good sounds fine absolutely definitely of course planning way viewing visit
    appointment appt showing tour c is everything me us very excited looking forward
    si la mi visita cita de para el voy a ir vamos ahi alli alla estare estaremos hoy manana lunes martes miercoles
    jueves viernes sabado domingo hasta luego nos vemos claro vale bueno perfecto acuerdo que asistire iremos confirmo
    thumbsup
""")
_AGREE = word_set("""
    ok okay okey k kk sure great perfect good sounds cool got it will do fine alright awesome noted understood thumbsup
    vale bueno perfecto claro de acuerdo listo entendido esta bien works for me that
""")
_DECLINE = word_set("no nope nah n thumbsdown")
_CANCEL_FILLERS = word_set("""
    i im we id like want need have to must gotta got a am afraid sorry so unfortunately just can could would will please
    pls plz yes no hi hello hey good morning afternoon evening u you my mind changed something came up am sick
    the today tomorrow tonight todays tomorrows monday tuesday wednesday thursday friday saturday sunday anymore
    viewing visit appointment appt showing tour for on thanks thank very much again found another place apartment home
    house and us be this that at all now think going lo siento quiero quisiera necesito por favor puede pueden podria
    hola buenos buenas dias tardes gracias mi la visita cita hoy manana lunes martes miercoles jueves viernes sabado
    domingo disculpe perdon debo tengo que ya encontre otro lugar apartamento a me muchas si it there
""")
_GREETINGS = word_set("hi hello hey hola dear")

_SPANISH = word_set("""
    hola gracias por favor si ayuda alto parar pare paren basta cancelar cancele cancelen visita cita confirmo
    confirmado quiero puedo ire manana hoy vale bueno perfecto numero equivocado quien soy mensajes mas estare alli ahi
    mi la el los las que de para otra otro hora dia gracias empezar iniciar comenzar reanudar informacion baja
    esta donde cuando cuanto cual como necesito tengo llegar tarde casa departamento apartamento
""")
_ENGLISH = word_set("""
    the my you i is are stop please yes thanks help start cancel viewing this will be there can what who when where how
    want need text texting me number confirm ok okay wrong unsubscribe quit revoke end and for it to in
""")


def understand(text: str) -> Understanding:
    """Return what a text means; one longer than LONGEST_TEXT is read to there."""
    words = _words(text[:LONGEST_TEXT])
    joined = " ".join(words)
    language = _language(words)
    plain = [word for word in words if word != "?"]
    core = [word for word in plain if word not in _COURTESY]
    opted_out = _opted_out(joined, core)
    if opted_out is not None:
        return Understanding(
            "stop", language, has_more=opted_out, speaks_of_cancelling=bool(_CANCELLING.search(joined))
        )
    return Understanding(_meaning(joined, plain, core), language, days=_days(plain))


def _meaning(joined: str, plain: list[str], core: list[str]) -> Meaning:
    """Return the meaning of a text that does not opt out: the first that fits."""
    bare, is_question = " ".join(core), "?" in joined
    readings: tuple[tuple[Meaning, Callable[[], object]], ...] = (
        ("start", lambda: bare in _START),
        ("wrong_person", lambda: _WRONG_PERSON.search(joined)),
        ("help", lambda: bare in _HELP or _WHO.search(" ".join(plain))),
        ("cancel", lambda: _is_cancelling(joined)),
        ("confirm", lambda: not is_question and _is_confirming(joined, plain, core)),
        ("decline", lambda: not is_question and core and set(core) <= _DECLINE),
        ("agree", lambda: not is_question and core and set(core) <= _AGREE),
        ("courtesy", lambda: plain and not core),
        ("move", lambda: _MOVE.search(joined)),
    )
    return next((meaning for meaning, fits in readings if fits()), "message")


def _opted_out(joined: str, core: list[str]) -> bool | None:
    """Return None for a text that does not opt out, else whether it says more than that."""
    if len(core) == 1 and core[0] in _BARE_STOP:
        return False
    masked = _NO_REQUEST.sub("#", joined)
    without_viewing = _CANCEL_VIEWING.sub("#", masked)
    if not _STOP.search(without_viewing):
        return None
    rest = _STOP.sub("", without_viewing)
    return any(
        word not in _COURTESY and word not in {"?", "me", "all", "now", "texting", "texts", _THUMBS_DOWN}
        for word in rest.split()
    )


def _is_cancelling(joined: str) -> bool:
    """Return whether a text clearly cancels the viewing."""
    without = _NO_REQUEST.sub("#", joined)
    found = _CANCEL_VIEWING.search(without)
    if found:
        before, after = without[: found.start()], without[found.end() :]
        is_question = "?" in without and not _ASKS_US.search(before)
        return not (is_question or _GUARDED.search(before) or _GUARDED.search(after)) and _is_filler(before)
    found = _NOT_COMING.search(without)
    if not found or "?" in without:
        return False
    return _is_filler(without[: found.start()]) and _is_filler(without[found.end() :])


def _is_filler(text: str) -> bool:
    """Return whether words add nothing to a request; a name may follow a greeting."""
    words = [word for word in text.split() if word != "?"]
    return all(
        word in _CANCEL_FILLERS or (index > 0 and words[index - 1] in _GREETINGS) for index, word in enumerate(words)
    )


def _is_confirming(joined: str, plain: list[str], core: list[str]) -> bool:
    """Return whether a text confirms, and says nothing else."""
    if len(core) == 1 and core[0] in _ALONE:
        return True
    if not (_YES & set(core) or _COMING.search(joined) or "si" in core):
        return False
    return all(word in _YES or word in _CONFIRM_FILLERS or word in _COURTESY for word in plain)


def _days(plain: list[str]) -> frozenset[str]:
    """Return the days that a text names. `la mañana` is the morning, and `esta mañana` is today."""
    days = set()
    for before, word in zip(["", *plain], plain, strict=False):
        if before in {"this", "esta"} and word in _PARTS_OF_TODAY:
            days.add("today")
        elif word in _DAY_OF_WORD and (before, word) != ("la", "manana"):
            days.add(_DAY_OF_WORD[word])
    return frozenset(days)


def _words(text: str) -> list[str]:
    """Return the words of a text, without case and accents; letters that are spelled out are one word."""
    visible = "".join(character for character in text if unicodedata.category(character) != "Cf")
    found = re.findall(r"[^\W_]+|\?", fold(visible.translate(_EMOJI).replace("¿", " ")))
    words: list[str] = []
    spelled = ""
    for word in [*found, ""]:
        if len(word) == 1 and word.isalpha():
            spelled += word
            continue
        words += [spelled] if len(spelled) > 2 else list(spelled)  # noqa: PLR2004 - "I C U" is the shortest word
        spelled = ""
        words += [word] if word else []
    return words


def _language(words: list[str]) -> Language | None:
    spanish, english = (sum(word in known for word in words) for known in (_SPANISH, _ENGLISH))
    if spanish == english:
        return None
    return "es" if spanish > english else "en"
