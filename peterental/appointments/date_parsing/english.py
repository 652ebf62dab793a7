"""English words: days, months, numbers, times of day, and the small words that the grammar joins them by."""

from __future__ import annotations

from peterental.appointments.date_parsing.lexicon import EITHER_SIDE, FILLER, Entry, Lexicon, entries, fillers, phrases

_CARDINALS = {
    "zero": 0, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9,
    "ten": 10, "eleven": 11, "twelve": 12, "thirteen": 13, "fourteen": 14, "fifteen": 15, "sixteen": 16,
    "seventeen": 17, "eighteen": 18, "nineteen": 19, "twenty": 20, "thirty": 30, "forty": 40, "fourty": 40, "fifty": 50,
    "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90,
}  # fmt: skip

_ORDINALS = {
    "first": 1, "second": 2, "third": 3, "fourth": 4, "fifth": 5, "sixth": 6, "seventh": 7, "eighth": 8, "ninth": 9,
    "forth": 4, "tenth": 10, "eleventh": 11, "twelfth": 12, "twelth": 12, "thirteenth": 13, "fourteenth": 14,
    "fifteenth": 15, "sixteenth": 16, "seventeenth": 17, "eighteenth": 18, "nineteenth": 19, "twentieth": 20,
    "thirtieth": 30,
}  # fmt: skip

_WEEKDAYS = {
    "monday mon mo": 1,
    "tuesday tues tue tu teusday tuseday": 2,
    "wednesday weds wed wensday wendsday wednsday": 3,
    "thursday thurs thur thu thr thrus thursay": 4,
    "friday fri": 5,
    "saturday sat satuday": 6,
    "sunday sun": 7,
}
_PLURAL_WEEKDAYS = {
    "mondays": 1, "tuesdays": 2, "wednesdays": 3, "thursdays": 4, "fridays": 5, "saturdays": 6, "sundays": 7,
}  # fmt: skip
_MONTHS = {
    "january jan": 1,
    "february feb febuary feburary": 2,
    "march mar": 3,
    "april apr": 4,
    "may": 5,
    "june jun": 6,
    "july jul": 7,
    "august aug": 8,
    "september sept sep": 9,
    "october oct": 10,
    "november nov": 11,
    "december dec": 12,
}
_UNITS = {
    "sec secs seconds": "second",
    "minute minutes min mins": "minute",
    "hour hours hr hrs h": "hour",
    "day days": "day",
    "week weeks wk wks": "week",
    "fortnight fortnights": "fortnight",
    "month months": "month",
    "year years": "year",
}
_PARTS = {
    "morning mornings morn": "morning",
    "afternoon afternoons aft arvo": "afternoon",
    "evening evenings eve": "evening",
    "night nights nite": "night",
    "lunch lunchtime lunchtimes": "lunchtime",
    "dinnertime dinner suppertime": "dinnertime",
    "eod cob": "end of the day",
    "daytime": "daytime",
}
_WHICH = {"this": "this", "next following nxt": "next", "coming upcoming": "coming", "last past previous": "last"}

_NEGATED = ("doesn't", "doesnt", "does not", "won't", "wont", "will not", "wouldn't", "would not", "isn't", "is not")
_SUITING = (
    "work", "work for me", "work for us", "work out", "do", "suit", "suit me", "fit", "help", "be good", "be possible",
    "good", "good for me", "possible", "great", "going to work", "gonna work", "available", "an option", "free",
    "convenient", "ideal",
)  # fmt: skip
"""What a negated verb that is about the day or time before it is followed by."""

_WORDS: dict[str, Entry] = (
    entries("WDAY", _WEEKDAYS)
    | entries("WDAYS", _PLURAL_WEEKDAYS)
    | entries("MONTH", _MONTHS)
    | entries("UNIT", _UNITS)
    | entries("PART", _PARTS)
    | entries("WHICH", _WHICH)
    | entries(
        "AHEAD",
        {
            "today tday 2day": 0,
            "tomorrow tomorow tommorow tommorrow tomorro tmrw tmr tmw tmrrw tmoro 2morrow 2moro": 1,
            "tomoro tomorra tommorro tomarrow 2mrw": 1,
            "yesterday": -1,
        },
    )
    | entries("TONIGHT", {"tonight tonite 2night": "evening"})
    | entries("ZONE", {
        "est edt et eastern": "Eastern", "cst cdt ct central": "Central", "mst mdt mt mountain": "Mountain",
        "pst pdt pt pacific": "Pacific", "akst akdt alaska": "Alaska", "hst hawaii": "Hawaii",
        "gmt utc zulu z": "UTC", "bst": "utc+1", "cet": "utc+1", "cest": "utc+2", "ist": "utc+5:30",
    })
    | {word: (word.upper(), None) for word in (
        "at", "on", "of", "and", "or", "before", "after", "between", "from", "until", "half", "quarter", "noon", "few",
        "couple", "early", "late", "later", "earlier", "same", "by", "since", "weekend", "yes", "any", "now",
        "ago", "within", "mid", "end", "ish", "about",
    )}
    | dict.fromkeys(("option", "choice", "number"), ("OPTION", None))
    | dict.fromkeys(
        ("no", "nope", "can't", "cannot", "cant", "don't", "dont", "won't", "wont", "isn't", "doesn't", "doesnt"),
        EITHER_SIDE,
    )
    | dict.fromkeys(
        ("actually", "sorry", "wait", "correction", "oops", "whoops", "scratch"), ("CORRECTION", None)
    )
    | {
        "if": ("IF", None), "unless": ("IF", None), "a": ("A", 1), "an": ("A", 1),
        "in": ("IN", None), "during": ("IN", None), "for": ("FOR", None),
        "to": ("TO", None), "till": ("UNTIL", None), "til": ("UNTIL", None), "through": ("UNTIL", None),
        "thru": ("UNTIL", None), "'til": ("UNTIL", None), "past": ("PAST", None), "passed": ("PAST", None),
        "pass": ("PAST", None), "starting": ("FROM", None),
        "quarters": ("QUARTER", None), "qtr": ("QUARTER", None), "midday": ("NOON", None), "noontime": ("NOON", None),
        "midnight": ("MIDNIGHT", None), "oclock": ("OCLOCK", None), "o'clock": ("OCLOCK", None),
        "around": ("ABOUT", None), "approximately": ("ABOUT", None), "roughly": ("ABOUT", None),
        "approx": ("ABOUT", None), "circa": ("ABOUT", None), "nearly": ("ABOUT", None), "toward": ("ABOUT", None),
        "towards": ("ABOUT", None), "like": FILLER, "near": ("ABOUT", None),
        "weekends": ("WEEKEND", "plural"), "weekday": ("WEEKDAYS", None), "weeknight": ("WEEKNIGHT", None),
        "weeknights": ("WEEKNIGHT", None), "weekdays": ("WEEKDAYS", None),
        "workday": ("WEEKDAYS", None), "workdays": ("WEEKDAYS", None),
        "asap": ("ASAP", None), "soonest": ("ASAP", None), "earliest": ("ASAP", None), "soon": ("ASAP", None),
        "immediately": ("ASAP", None), "latest": ("LAST_ONE", None), "final": ("LAST_ONE", None),
        "anytime": ("ANY", None), "whenever": ("ANY", None), "sometime": ("ANY", None), "some": ("ANY", None),
        "anyday": ("ANY", None), "every": ("ANY", None), "each": ("ANY", None), "all": ("ANY", None),
        "flexible": ("ANY", None), "whichever": ("ANY", None), "either": ("ANY", None), "both": ("ANY", None),
        "middle": ("MID", None), "start": ("BEGIN", None), "beginning": ("BEGIN", None), "begin": ("BEGIN", None),
        "hence": ("HENCE", None), "several": ("FEW", None), "sooner": ("EARLIER", None),
        "onward": ("ONWARD", None), "onwards": ("ONWARD", None), "forward": ("ONWARD", None),
        "yeah": ("YES", None), "yep": ("YES", None), "yup": ("YES", None), "sure": ("YES", None), "ok": ("YES", None),
        "okay": ("YES", None), "correct": ("YES", None), "perfect": ("YES", None), "right": ("YES", None),
        "absolutely": ("YES", None), "agreed": ("YES", None), "confirmed": ("YES", None), "confirm": ("YES", None),
        "not": ("NOT", None), "except": ("NOT", None), "excluding": ("NOT", None),
        "without": ("NOT", None), "avoid": ("NOT", None), "avoiding": ("NOT", None),
        "never": ("NOT", None), "nothing": ("NOT", None), "neither": ("NOT", None), "nor": ("NOT", None),
        "oh": ("OH", None), "hundred": ("HUNDRED", None), "thousand": ("THOUSAND", None), "o": ("OH", None),
        "one's": ("NUM", 1), "ones": FILLER,
    }
    | fillers(
        "the please thanks thank you um uh erm hmm hm ah well so just exactly sharp then i i'd i'll i've we "
        "we'd we'll can could would should it it's is that that's this's works work good great fine me us my "
        "our see come coming's view visit tour book booking schedule appointment viewing showing set up make "
        "let lets let's want need love prefer preferably maybe perhaps possibly ideally possible have has "
        "anything something available availability free open opening openings slot slots time times date "
        "there be do does are am with your get got give take try think guess say hey hi hello also much down pencil "
        "thinking hoping wondering looking planning pick "
        "really very only precisely more prompt promptly hours' im i'm know go going change move reschedule "
        "moved push shift put switch instead rather suits suit best better hour's meet meeting will when who "
        "house home place apartment one-time local but though because said told meant request requested preferred "
        "calendar desired as still too what how which where back"
    )
)  # fmt: skip
_WORDS["coming"] = ("WHICH", "coming")
_WORDS["back"] = ("BACK", None)

_PHRASES: dict[str, Entry] = phrases(
    (("AHEAD", 2), "day after tomorrow | day following tomorrow"),
    (("COUPLE", None), "a couple of | couple of | a couple | a pair of"),
    (("FEW", None), "a few"),
    (("HALF_A", None), "half an | half a"),
    (("HALF", None), "a half"),
    (("NOW", None), "right now"),
    (
        ("ASAP", None),
        (
            "right away | straight away | as soon as possible | as soon as you can | as early as possible | "
            "as soon as | soon as possible | first available | next available | earliest available | first slot on | "
            "first opening on | first appointment on | first spot on | first time on | first viewing on"
        ),
    ),
    (
        ("ANY", None),
        (
            "any time | any day | at any time | some time | no preference | doesn't matter | don't care | all "
            "day | at some point | any of those | business hours | office hours | working hours"
        ),
    ),
    (("PART", "first thing"), "first thing | first thing in the morning | first thing in morning"),
    (
        ("PART", "end of the day"),
        (
            "end of the day | end of day | end of business | close of business | close of day | last thing | "
            "end of the business day | end of the work day"
        ),
    ),
    (("PART", "after work"), "after work | after hours"),
    (("PART", "before work"), "before work"),
    (("PART", "after lunch"), "after lunch"),
    (("PART", "before lunch"), "before lunch"),
    (("PART", "after school"), "after school"),
    (("PART", "lunchtime"), "lunch time | lunch hour | lunch break"),
    (("PART", "dinnertime"), "dinner time"),
    (("PART", "midday"), "middle of the day | in middle of day"),
    (("PART", "night"), "night time"),
    (("PART", "daytime"), "day time"),
    (("NOON", None), "mid day | noon time | high noon"),
    (("OCLOCK", None), "o clock"),
    (("MIDNIGHT", None), "mid night"),
    (("ISH", None), "or so | or thereabouts | give or take | more or less | or something"),
    (
        ("CORRECTION", None),
        (
            "no wait | wait no | no sorry | sorry no | scratch that | strike that | i mean | i meant | or rather | "
            "or actually | actually no | no actually | make that | make it | change that to | change it to | hold on | "
            "no hold on | no make that | no no | on second thought | my mistake | my bad | excuse me | no i mean | "
            "i said | i asked for | no thanks | no thank you | "
            "no i meant | forget that | let me correct that | no let's | no let us"
        ),
    ),
    (("NOT_THAT", None), " | ".join(f"{verb} {rest}" for verb in _NEGATED for rest in _SUITING)),
    (
        ("NOT_THAT", None),
        (
            "no good | no use | out of the question | is out | is bad | is full | is taken | is busy | is booked | "
            "is off | is too early | is too late | is too soon | is impossible | is no good | not good | "
            "not possible | not an option | not available | not free | not going to work | not gonna work | "
            "not great | not ideal | no longer works"
        ),
    ),
    (
        EITHER_SIDE,
        (
            "can't make | can't make it | cannot make it | can not make it | can't do | can not | do not | does not | "
            "will not | is not"
        ),
    ),
    (FILLER, "same as last time | like last time | last time | as last time"),
    (FILLER, "come by | stop by | swing by | drop by | pop by | be by | go by | can't wait | by chance"),
    (
        FILLER,
        (
            "good morning | good afternoon | good evening | good night | good day | good weekend | nice weekend | "
            "great weekend | lovely weekend"
        ),
    ),
    (FILLER, "let see | let us see | let me see | so forth | and so forth"),
    (("FROM_END", -2), "second to last | next to last | second last | penultimate"),
    (
        ("FIRST_OF", None),
        (
            "whichever comes first | whichever is first | whichever is earlier | whichever is sooner | "
            "whichever is earliest | whichever is soonest | whichever comes sooner | whatever you have first | "
            "whatever comes first | whichever you have first | whatever is first | whatever is earlier | "
            "whatever is sooner | comes first | "
            "what first | whichever first | whichever earlier | whichever sooner"
        ),
    ),
    (("EARLY", None), "first half of | first half | first part of | early part of | earlier part of"),
    (("LATE", None), "second half of | second half | latter half of | later part of | latter part of | last half of"),
    (("OTHER_ONE", None), "the other one | other one | the other | another one | different one"),
    (("SHIFT_EARLIER", None), "move it up | move up | moved up | move that up | bring it up | pull it in | pull in"),
    (("BACK", "later"), "push back | push it back | push that back | push this back | pushed back | pushing it back"),
    (("EARLIER", None), "bring forward | bring it forward | bring that forward | bring this forward | brought forward"),
    (("MIDDLE_ONE", None), "one in the middle | one in middle | one in between"),
    (("AHEAD", 1), "to morrow | two morrow | to marrow | too morrow"),
    (("ONWARD", None), "or later | or after | and later | and onwards | and after | and on | at the earliest"),
    (("BACKWARD", None), "or earlier | or before | and before | and earlier | or sooner | at the latest"),
    (("BY", "or at"), "no later than | not later than | not after | at or before"),
    (
        ("FROM", None),
        (
            "no earlier than | not earlier than | not before | not until | not till | as of | no sooner than "
            "| anytime from | on or after | at or after | starting at | starting from"
        ),
    ),
    (("BEFORE", None), "earlier than | prior to | sooner than | sometime before | any time before | anytime before"),
    (
        ("AFTER", None),
        (
            "later than | sometime after | some time after | any time after | anytime after | "
            "get off at | gets off at | get off work at | gets off work at | getting off at | getting off work at | "
            "off work at | get out at | "
            "gets out at | get out of work at | work until | work till | works until | works till | working until | "
            "at work until | "
            "busy until | busy till | in class until | tied up until"
        ),
    ),
    (("UNTIL", None), "up until | up to | on or before"),
    (
        ("NOT", None),
        (
            "anything but | any day but | any time but | everything but | other than | instead of | rather "
            "than | but not | apart from | any day except | any time except | anytime except | anytime but"
        ),
    ),
    (
        FILLER,
        (
            "if not | how about | what about | do you have | i am | am i | will be | i may | may i | we may | may we | "
            "may be | at all | in person | on the dot | on the nose | or whatever"
        ),
    ),
    (
        ("YES", None),
        (
            "of course | that works | sounds good | sounds great | works for me | that's fine | that is fine "
            "| that one | this one "
            "| that's the one | that is the one | this is the one | that's right "
            "| that's it | that time | go ahead | that will work | "
            "that'll work | book it | i'll take it | no problem"
        ),
    ),
    (("ABOUT", None), "something like | some time around | sometime around | close to"),
    (("BETWEEN", None), "anytime between | any time between | sometime between | in between"),
    (("WEEKDAYS", None), "week day | week days | business day | business days | working day | working days"),
    (("WEEKEND", None), "week end"),
    (("UNIT", "week"), "work week"),
    (("MIDWEEK", None), "mid week | midweek"),
    (("MIDPART", "morning"), "midmorning | mid morning"),
    (("MIDPART", "afternoon"), "midafternoon | mid afternoon"),
    (("HENCE", None), "from now | from right now | from today | from this moment"),
    (("OR", None), "or if not | or else | otherwise"),
    (("OH", None), "ou"),
    (("FROM_TOMORROW", None), "from tomorrow"),
    (("DAY_AFTER", 1), "following day | next day | day after"),
    (("DAY_AFTER", -1), "day before | previous day"),
    (("DAY_AFTER_THAT", 1), "day after that"),
    (("DAY_AFTER_THAT", -1), "day before that"),
    (
        ("SAME_TIME", None),
        (
            "same time | same hour | that same time | at the same time | at same time | at the same hour | "
            "at that same time"
        ),
    ),
    (
        ("MAYBE_THIS_TIME", None),
        (
            "this time let | this time can we | this time could we | this time can i | "
            "this time could i | this time i | this time i'd | this time i'll | this time we | this time around | "
            "this time how about | this time maybe | this time make it | this time please"
        ),
    ),
    (("THIS_TIME", None), "this time | this same time | this very time | this hour | this same hour"),
    (("SAME_DAY", None), "same day | that day | that same day"),
    (("ZONE", "Eastern"), "eastern time | eastern standard time | eastern daylight time | new york time"),
    (("ZONE", "Central"), "central time | central standard time | central daylight time | chicago time | texas time"),
    (("ZONE", "Mountain"), "mountain time | mountain standard time | mountain daylight time"),
    (("ZONE", "Pacific"), "pacific time | pacific standard time | pacific daylight time | california time"),
    (("ZONE", "the caller's own"), "my time | my local time"),
    (("ZONE", "local"), "local time | your time"),
    (("ZONE", "UTC"), "greenwich mean time"),
    (("ZONE", "Europe/Paris"), "central european time"),
    (("ZONE", "Europe/London"), "london time"),
    (("HOLIDAY", "christmas eve"), "christmas eve | xmas eve"),
    (("HOLIDAY", "christmas"), "christmas day | xmas day | christmas | xmas"),
    (("HOLIDAY", "boxing day"), "boxing day"),
    (("HOLIDAY", "new year's eve"), "new year eve | new years eve | nye"),
    (("HOLIDAY", "new year's day"), "new year day | new years day | new years | new year"),
    (("HOLIDAY", "thanksgiving"), "thanksgiving day | thanksgiving"),
    (("HOLIDAY", "black friday"), "black friday"),
    (("HOLIDAY", "labor day"), "labor day | labour day"),
    (("HOLIDAY", "memorial day"), "memorial day"),
    (("HOLIDAY", "independence day"), "independence day"),
    (("HOLIDAY", "martin luther king day"), "mlk day | martin luther king day | martin luther king jr day"),
    (("HOLIDAY", "presidents' day"), "presidents day | president day"),
    (("HOLIDAY", "juneteenth"), "juneteenth"),
    (("HOLIDAY", "columbus day"), "columbus day | indigenous peoples day"),
    (("HOLIDAY", "veterans day"), "veterans day | veteran day"),
    (("HOLIDAY", "halloween"), "halloween | halloween day"),
    (("HOLIDAY", "valentine's day"), "valentine day | valentines day | valentines"),
    (("HOLIDAY", "st patrick's day"), "st patrick day | st patricks day | saint patrick day"),
    (("HOLIDAY", "mother's day"), "mother day | mothers day"),
    (("HOLIDAY", "father's day"), "father day | fathers day"),
    (("HOLIDAY", "easter"), "easter | easter sunday"),
    (("HOLIDAY", "easter monday"), "easter monday"),
    (("HOLIDAY", "good friday"), "good friday"),
    (("HOLIDAY", "epiphany"), "three kings day | three kings' day | three kings | epiphany"),
    (("HOLIDAY", "groundhog day"), "groundhog day"),
    (("HOLIDAY", "april fools' day"), "april fools day | april fool day"),
    (("HOLIDAY", "earth day"), "earth day"),
    (("HOLIDAY", "cinco de mayo"), "cinco de mayo"),
)

_COUNTS = ("2", "3", "4", "5", "6", "one", "two", "three", "four", "five", "six")
_COUNTED = (
    "people",
    "persons",
    "adults",
    "guests",
    "kids",
    "of us",
    "bedroom",
    "bedrooms",
    "bed",
    "beds",
    "bath",
    "baths",
)
_PHRASES |= {f"{count} {noun}": FILLER for count in _COUNTS for noun in _COUNTED}
"""Numbers that are no time: "for two people", "the two bedroom"."""

ENGLISH = Lexicon(
    language="en",
    words=_WORDS,
    phrases=_PHRASES,
    cardinals=_CARDINALS,
    ordinals=_ORDINALS,
    fuzzy=(
        "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday", "tomorrow", "today", "tonight",
        "january", "february", "march", "april", "august", "september", "october", "november", "december", "morning",
        "afternoon", "evening", "midnight", "quarter", "thanksgiving", "christmas",
    ),
)  # fmt: skip
"""The English word list."""
