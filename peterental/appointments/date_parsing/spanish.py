"""Spanish words, written without accents: the tokenizer removes them."""

from __future__ import annotations

from peterental.appointments.date_parsing.lexicon import EITHER_SIDE, FILLER, Entry, Lexicon, entries, fillers, phrases

_CARDINALS = {
    "cero": 0, "un": 1, "uno": 1, "una": 1, "dos": 2, "tres": 3, "tre": 3, "cuatro": 4, "cinco": 5, "seis": 6,
    "siete": 7,
    "ocho": 8, "nueve": 9, "diez": 10, "once": 11, "doce": 12, "trece": 13, "catorce": 14, "quince": 15,
    "dieciseis": 16, "diecisiete": 17, "dieciocho": 18, "diecinueve": 19, "veinte": 20, "veintiuno": 21,
    "veintiun": 21, "veintidos": 22, "veintitres": 23, "veinticuatro": 24, "veinticinco": 25, "veintiseis": 26,
    "veintisiete": 27, "veintiocho": 28, "veintinueve": 29, "treinta": 30, "cuarenta": 40, "cincuenta": 50,
}  # fmt: skip
_ORDINALS = {
    "primero": 1, "primer": 1, "primera": 1, "segundo": 2, "segunda": 2, "tercero": 3, "tercer": 3, "tercera": 3,
    "cuarta": 4, "quinto": 5, "quinta": 5,
}  # fmt: skip
_WORDS: dict[str, Entry] = (
    entries("WDAY", {
        "lunes lune lun": 1, "martes": 2, "miercoles mie miercoes": 3, "jueves jue": 4, "viernes vie": 5,
        "sabado sab": 6, "domingo dom": 7,
    })
    | entries("WDAYS", {"sabados": 6, "domingos": 7})
    | entries("MONTH", {
        "enero ene": 1, "febrero feb": 2, "marzo": 3, "abril abr": 4, "mayo": 5, "junio jun": 6, "julio jul": 7,
        "agosto ago": 8, "septiembre setiembre sep sept": 9, "octubre oct": 10, "noviembre nov": 11,
        "diciembre dic": 12,
    })
    | entries("UNIT", {
        "minuto minutos": "minute", "hora horas hrs hr hs h": "hour", "dia dias": "day", "semana semanas": "week",
        "quincena": "fortnight", "mes meses": "month", "ano anos": "year",
    })
    | entries("PART", {
        "tarde tardes tardecita": "afternoon", "noche noches nochecita": "night", "madrugada": "small hours",
        "mananas": "morning", "almuerzo": "lunchtime",
    })
    | entries("WHICH", {
        "este esta": "this", "proximo proxima siguiente": "next", "pasado pasada ultimo ultima": "last",
    })
    | entries("AHEAD", {"hoy": 0, "ayer": -1})
    | dict.fromkeys(
        ("adelante", "adelantela", "adelantar", "adelantarla", "adelanteme", "adelantemela"), ("SHIFT_EARLIER", None)
    )
    | dict.fromkeys(
        (
            "atrase", "atrasela", "atrasar", "atrasarla", "retrase", "retrasela", "retrasar", "retrasarla", "posponga",
            "pospongala", "posponer", "posponerla",
        ),
        ("SHIFT_LATER", None),
    )
    | entries("YES", dict.fromkeys(("si", "claro", "vale", "perfecto", "correcto", "exacto", "bueno"), None))
    | dict.fromkeys(("opcion", "numero"), ("OPTION", None))
    | {
        "manana": ("MANANA", None), "a": ("AT", None), "de": ("OF", None), "del": ("OF", None), "al": ("AT", None),
        "en": ("IN", None), "por": ("IN", None), "durante": ("IN", None), "para": ("FOR", None), "y": ("Y", None),
        "con": ("Y", None), "o": ("OR", None), "u": ("OR", None), "menos": ("MINUS", None), "media": ("HALF", None),
        "cuarto": ("QUARTER", None), "cuartos": ("QUARTER", None), "mediodia": ("NOON", None),
        "medianoche": ("MIDNIGHT", None), "antes": ("BEFORE", None), "despues": ("AFTER", None),
        "entre": ("BETWEEN", None), "desde": ("FROM", None), "hasta": ("UNTIL", None), "dentro": ("IN", None),
        "sobre": ("ABOUT", None), "aproximadamente": ("ABOUT", None), "casi": ("ABOUT", None), "cerca": ("ABOUT", None),
        "temprano": ("EARLY", None), "tempranito": ("EARLY", None), "no": EITHER_SIDE, "excepto": ("NOT", None),
        "salvo": ("NOT", None), "digo": ("CORRECTION", None), "perdon": ("CORRECTION", None),
        "perdone": ("CORRECTION", None), "disculpe": ("CORRECTION", None), "mejor": ("CORRECTION", None),
        "corrijo": ("CORRECTION", None), "espere": ("CORRECTION", None), "espera": ("CORRECTION", None),
        "mismo": ("SAME", None), "misma": ("SAME", None), "ahora": ("NOW", None), "ya": FILLER,
        "cualquier": ("ANY", None), "cualquiera": ("ANY", None),
        "principios": ("BEGIN", None), "finales": ("END", None), "fines": ("END", None), "fin": ("END", None),
        "finde": ("WEEKEND", None), "findes": ("WEEKEND", "plural"), "mas": ("MORE", None), "mil": ("THOUSAND", None),
        "penultimo": ("FROM_END", -2), "penultima": ("FROM_END", -2), "mediados": ("MID", None),
        "que": ("THAT", None), "viene": ("COMES", None), "entrante": ("THAT_COMES", None), "antier": ("AHEAD", -2),
        "anteayer": ("AHEAD", -2), "cuanto": FILLER, "hace": ("AGO", None),
        "faltando": ("AT", None), "faltan": ("AT", None), "falta": ("AT", None), "ahorita": ("ASAP", None),
    }
    | fillers(
        "please thanks uh um el la los las lo gracias quiero quisiera me gustaria puedo podria seria es eh pues bien "
        "cita visita ver reservar agendar disponible tiene tienen hay algo libre favor cuando sea "
        "posible punto le les nos te se vez ir podemos puede pueda puedan ser sera estar estaria queda quedar "
        "quedaria pasar paso ponga pongame ponme apunte apunteme anote anoteme aparte apartar agende agendeme tenga "
        "tengan horario horarios turno espacio hueco lugar hola buenas buenos tambien entonces mire oiga creo "
        "seria vendria conviene convendria ok okay senor senora senorita muchas mi usted ustedes sino pero "
        "casa departamento apartamento vivienda piso quedo quedamos tomo escojo elijo prefiero agarro cambie cambieme "
        "fijate fijese tenes podes queres te "
        "cambiela cambiar pase paseme pasela mueva muevame muevala mover recorra"
    )
)  # fmt: skip

_PHRASES: dict[str, Entry] = phrases(
    (("AHEAD", 2), "pasado manana | pasadomanana"),
    (
        ("CORRECTION", None),
        ("mejor dicho | quiero decir | mas bien | no perdon | no espere | no mejor | no digo | me equivoque"),
    ),
    (
        EITHER_SIDE,
        (
            "no puedo | no podemos | no podria | no me sirve | no sirve | no me funciona | no funciona | no me va | "
            "no me queda | no me viene bien | no me conviene | no se puede | no quiero | no esta bien | no es posible"
        ),
    ),
    (("OR", None), "si no | y si no | o si no"),
    (("NEXT_WEEK", None), "otra semana | la otra semana"),
    (("OTHER_ONE", None), "la otra | el otro | otra opcion"),
    (("EARLY", None), "mas temprano posible"),
    (("IDIOM_DAYS", 7), "en ocho dias | en 8 dias | dentro de ocho dias | dentro de 8 dias"),
    (("IDIOM_DAYS", 14), "en quince dias | en 15 dias | dentro de quince dias | dentro de 15 dias"),
    (("OF_PART", "morning"), "de la manana | por la manana | en la manana | por las mananas"),
    (("OF_PART", "afternoon"), "de la tarde | por la tarde | en la tarde | por las tardes"),
    (("OF_PART", "night"), "de la noche | por la noche | en la noche"),
    (("OF_PART", "small hours"), "de la madrugada"),
    (("THIS_PART", "morning"), "esta manana"),
    (("THIS_PART", "afternoon"), "esta tarde"),
    (("THIS_PART", "evening"), "esta noche"),
    (("PART", "first thing"), "a primera hora | primera hora"),
    (("PART", "end of the day"), "a ultima hora | ultima hora"),
    (("PART", "after work"), "despues del trabajo"),
    (("PART", "lunchtime"), "hora del almuerzo"),
    (("PART", "after lunch"), "despues de comer"),
    (("PART", "before lunch"), "antes de comer"),
    (("THAT_COMES", None), "que viene | que entra"),
    (
        ("AFTER", None),
        (
            "despues de | despues del | salgo a | salgo del trabajo a | salgo de trabajar a | trabajo hasta | "
            "ocupado hasta | ocupada hasta"
        ),
    ),
    (("BEFORE", None), "antes de | antes del"),
    (("FROM", None), "a partir de | a partir del"),
    (("ONWARD", None), "en adelante | para adelante | o despues | o mas tarde | y despues | o mas adelante"),
    (("BACKWARD", None), "o antes | o mas temprano | y antes | como muy tarde | a lo mas tarde"),
    (
        ("ABOUT", None),
        "a eso de | como a eso de | alrededor de | como a | cerca de | tipo | por ahi de | por ahi a | a eso del",
    ),
    (("BY", "or at"), "a mas tardar | no mas tarde de | no mas tarde que"),
    (("ISH", None), "mas o menos | y algo | y pico | y tantas | y cacho"),
    (FILLER, "en punto | por favor | vale la"),
    (
        FILLER,
        (
            "buenas noches | buenas tardes | buenos dias | buen dia | buena tarde | buena noche | buen fin de semana | "
            "feliz fin de semana | bonito fin de semana"
        ),
    ),
    (("WEEKEND", None), "fin de semana"),
    (("WEEKEND", "plural"), "fines de semana"),
    (("WEEKDAYS", None), "entre semana | dias laborables | dia laborable | dias habiles | dia habil"),
    (
        ("ASAP", None),
        (
            "lo antes posible | cuanto antes | lo mas pronto posible | lo mas temprano | lo mas temprano posible | "
            "mas pronto | mas temprana"
        ),
    ),
    (
        ("ANY", None),
        (
            "cualquier dia | cualquier hora | cualquier momento | no importa | cuando sea | cuando pueda | "
            "cuando puedan | cuando quiera | cuando quieran | cuando guste | cuando tenga | cuando tengan | "
            "me da igual | da igual | da lo mismo | lo que sea | la que sea | el que sea | todo el dia | "
            "hora que usted diga | hora que diga | dia que usted pueda | dia que pueda | hora que usted pueda | "
            "hora que pueda | dia que usted diga | dia que sea | hora que sea"
        ),
    ),
    (("COUPLE", None), "un par de"),
    (("FEW", None), "unos | unas"),
    (("SAME_TIME", None), "la misma hora | misma hora | a la misma hora | a misma hora"),
    (("THIS_TIME", None), "esta hora | esta misma hora | estas horas | estas mismas horas"),
    (
        ("ONE_ON", None),
        (
            "la del | el del | esa del | ese del | aquella del | aquel del | la cita del | mi cita del | "
            "esa cita del | la visita del | mi visita del | esa visita del"
        ),
    ),
    (
        ("ONE_OF", None),
        (
            "la de | el de | esa de | ese de | aquella de | aquel de | la cita de | mi cita de | esa cita de | "
            "la visita de | mi visita de | esa visita de"
        ),
    ),
    (("ONE_OF_THE", None), "la de la | el de la | esa de la | ese de la | la cita de la | mi cita de la"),
    (("MIDDLE_ONE", None), "la de en medio | el de en medio | la del medio | el del medio | de en medio"),
    (("SAME_DAY", None), "mismo dia | ese mismo dia | este mismo dia | ese dia | aquel dia"),
    (("LATER", None), "mas tarde"),
    (("SHIFT_EARLIER", None), "hacer antes | hacerla antes"),
    (("EARLIER", None), "mas temprano"),
    (("DAY_AFTER", 1), "dia siguiente | dia despues de | dia siguiente de"),
    (("DAY_AFTER", -1), "dia antes de | dia anterior a | dia anterior"),
    (("NOON", None), "medio dia | doce del dia | 12 del dia"),
    (("HALF_HOUR", None), "media hora"),
    (("IN", None), "dentro de | de aqui a"),
    (
        ("YES", None),
        (
            "esa es | ese es | esa misma | ese mismo | esa hora | eso es | esta bien | esta muy bien | esta perfecto "
            "| de acuerdo"
        ),
    ),
    (("NOT", None), "en vez de"),
    (("MINUS", None), "menos el"),
    (("HOLIDAY", "christmas eve"), "nochebuena | noche buena | vispera de navidad"),
    (("HOLIDAY", "christmas"), "navidad | dia de navidad"),
    (("HOLIDAY", "new year's eve"), "nochevieja | noche vieja | vispera de ano nuevo | fin de ano"),
    (("HOLIDAY", "new year's day"), "ano nuevo | dia de ano nuevo"),
    (("HOLIDAY", "epiphany"), "dia de reyes | dia de los reyes | dia de los reyes magos | dia de reyes magos"),
    (("HOLIDAY", "thanksgiving"), "accion de gracias | dia de accion de gracias | dia de gracias"),
    (("HOLIDAY", "good friday"), "viernes santo"),
    (("HOLIDAY", "easter"), "domingo de pascua | domingo de resurreccion"),
    (("HOLIDAY", "valentine's day"), "san valentin | dia de san valentin"),
    (("AHEAD", 0), "hoy mismo"),
    (("MANANA", None), "manana mismo"),
    (("ZONE", "Central"), "hora central"),
    (("ZONE", "Eastern"), "hora del este"),
    (("ZONE", "local"), "hora local"),
    (("ZONE", "Pacific"), "hora del pacifico"),
)

SPANISH = Lexicon(
    language="es",
    words=_WORDS,
    phrases=_PHRASES,
    cardinals=_CARDINALS,
    ordinals=_ORDINALS,
    fuzzy=(
        "martes", "miercoles", "jueves", "viernes", "sabado", "domingo", "enero", "febrero", "abril", "agosto",
        "septiembre", "octubre", "noviembre", "diciembre", "manana",
    ),
)  # fmt: skip
"""The Spanish word list."""
