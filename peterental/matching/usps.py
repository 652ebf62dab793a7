"""Hold the words of United States addresses: street types, directions, units, states.

Street types and their abbreviations follow USPS Publication 28, appendix C1; units follow C2.
"""

from __future__ import annotations

from peterental.folding import word_set


def _table(text: str) -> dict[str, str]:
    """Map every word of a line to the line's first word."""
    rows = (line.split() for line in text.strip().splitlines())
    return {word: row[0] for row in rows for word in row}


STREET_TYPES = _table("""
    alley allee ally aly
    avenue av ave aven avenu avn avnue
    boulevard blvd boul boulv
    bypass byp bypa bypas byps
    causeway causwa cswy
    circle cir circ circl crcl crcle
    circles cirs
    court ct crt
    courts cts
    cove cv
    crescent cres crsent crsnt
    crossing crssng xing
    drive dr driv drv
    expressway exp expr express expw expy
    freeway freewy frway frwy fwy
    highway highwy hiway hiwy hway hwy
    lane ln
    loop loops lp
    mews
    parkway parkwy pkwy pkway pky prkwy pwy
    pass
    path paths
    pike pikes
    place pl
    plaza plz plza
    road rd
    roads rds
    route rte
    row
    run
    skyway skwy
    square sq sqr sqre squ
    street st str strt
    streets sts
    terrace ter terr
    throughway trwy
    trace traces trce
    trail trails trl trls
    turnpike tpke trnpk turnpk
    walk walks
    way wy
""")
"""Words that end a street's name in ordinary addresses."""

PLACE_WORDS = _table("""
    annex anex annx anx
    arcade arc
    bayou bayoo byu
    beach bch
    bend bnd
    bluff blf bluf
    bluffs blfs
    bottom bot bottm btm
    branch br brnch
    bridge brdge brg
    brook brk
    brooks brks
    burg bg
    camp cmp cp
    canyon canyn cnyn cyn
    cape cpe
    center cen cent centr centre cnter cntr ctr
    centers ctrs
    cliff clf
    cliffs clfs
    club clb
    common cmn
    commons cmns
    corner cor
    corners cors
    course crse
    coves cvs
    creek crk
    crest crst
    crossroad xrd
    crossroads xrds
    curve curv
    dale dl
    dam dm
    divide div dv dvd
    drives drs
    estate est
    estates ests
    extension ext extn extnsn
    extensions exts
    falls fls
    ferry frry fry
    field fld
    fields flds
    flat flt
    flats flts
    ford frd
    fords frds
    forest forests frst
    forge forg frg
    forges frgs
    fork frk
    forks frks
    fort frt ft
    garden gardn gdn grden grdn
    gardens gdns grdns
    gateway gatewy gatway gtway gtwy
    glen gln
    glens glns
    green grn
    greens grns
    grove grov grv
    groves grvs
    harbor harb harbr harbour hbr hrbor
    harbors hbrs
    haven hvn
    heights hts
    hill hl
    hills hls
    hollow hllw hollows holw holws
    inlet inlt
    island islnd
    islands islnds
    isle isles
    junction jct jction jctn junctn juncton
    junctions jcts jctns
    key ky
    keys kys
    knoll knl knol
    knolls knls
    lake lk
    lakes lks
    landing lndg lndng
    light lgt
    lights lgts
    loaf lf
    lock lck
    locks lcks
    lodge ldg ldge lodg
    manor mnr
    manors mnrs
    meadow mdw
    meadows mdws medows
    mill ml
    mills mls
    mission missn msn mssn
    motorway mtwy
    mount mnt mt
    mountain mntain mntn mountin mtin mtn
    mountains mntns mtns
    neck nck
    orchard orch orchrd
    oval ovl
    overpass opas
    park prk
    passage psge
    pine pne
    pines pnes
    plain pln
    plains plns
    point pt
    points pts
    port prt
    ports prts
    prairie pr prr
    ranch ranches rnch rnchs
    rapid rpd
    rapids rpds
    rest rst
    ridge rdg rdge
    ridges rdgs
    river riv rivr rvr
    shoal shl
    shoals shls
    shore shoar shr
    shores shoars shrs
    spring sprng spg spng
    springs sprngs spgs spngs
    squares sqrs sqs
    station sta statn stn
    stream streme strm
    summit smt sumit sumitt
    trafficway trfy
    tunnel tunel tunl tunls tunnels tunnl
    underpass upas
    unions uns
    valley vally vlly vly
    valleys vlys
    viaduct viadct vdct
    view vw
    views vws
    village vill villag villg villiage vlg
    villages vlgs
    ville vl
    vista vis vist vst vsta
    ways wys
    wells wls
    center centre
""")
"""Street types of USPS that are as common inside a name or a city: a type only where they end the address line."""

DIRECTIONS = _table("""
    n north
    s south
    e east
    w west
    ne northeast
    nw northwest
    se southeast
    sw southwest
""")
LONG_DIRECTIONS = {short: word for word, short in DIRECTIONS.items() if word != short}

UNIT_WORDS = word_set("""
    apartment apartments apt apts appt unit units suite ste room rm flat door space spc lot trailer trlr slip office
    ofc apartamento apto departamento depto depa letra letter
""")
BUILDING_WORDS = frozenset(("building", "bldg", "bld", "edificio", "tower"))
FLOOR_WORDS = frozenset(("floor", "fl", "flr", "piso"))
NUMBER_WORDS = frozenset(("#", "number", "no", "num", "nbr", "nr", "numero"))
NAMED_UNITS = _table("""
    upper uppr upstairs arriba
    lower lowr downstairs abajo
    front frnt
    rear
    basement bsmt
    penthouse ph
    left
    right
""")
NAMED_FLOORS = frozenset(("ground", "top", "main"))

NUMBERED_ROADS = frozenset(("highway", "route", "interstate", "fm", "cr", "sr", "sh", "us", "rm"))
ROAD_OWNERS = frozenset(("county", "state", "farm", "ranch", "township", "forest", "service", "rural", "us", "old"))

CITY_ALIASES = {
    "okc": ("oklahoma", "city"),
    "ok city": ("oklahoma", "city"),
    "nyc": ("new", "york"),
    "la": ("los", "angeles"),
    "sf": ("san", "francisco"),
    "slc": ("salt", "lake", "city"),
    "kc": ("kansas", "city"),
    "philly": ("philadelphia",),
}
COUNTRY_TAILS = (("usa",), ("us",), ("united", "states"), ("united", "states", "of", "america"))

STATES = {
    "al": "alabama", "ak": "alaska", "az": "arizona", "ar": "arkansas", "ca": "california", "co": "colorado",
    "ct": "connecticut", "de": "delaware", "dc": "district of columbia", "fl": "florida", "ga": "georgia",
    "hi": "hawaii", "id": "idaho", "il": "illinois", "in": "indiana", "ia": "iowa", "ks": "kansas", "ky": "kentucky",
    "la": "louisiana", "me": "maine", "md": "maryland", "ma": "massachusetts", "mi": "michigan", "mn": "minnesota",
    "ms": "mississippi", "mo": "missouri", "mt": "montana", "ne": "nebraska", "nv": "nevada", "nh": "new hampshire",
    "nj": "new jersey", "nm": "new mexico", "ny": "new york", "nc": "north carolina", "nd": "north dakota",
    "oh": "ohio", "ok": "oklahoma", "or": "oregon", "pa": "pennsylvania", "pr": "puerto rico", "ri": "rhode island",
    "sc": "south carolina", "sd": "south dakota", "tn": "tennessee", "tx": "texas", "ut": "utah", "vt": "vermont",
    "va": "virginia", "wa": "washington", "wv": "west virginia", "wi": "wisconsin", "wy": "wyoming",
}  # fmt: skip
STATE_NAMES = {tuple(name.split()): code for code, name in STATES.items()}
