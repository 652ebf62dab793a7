"""Hold short forms of given names and given names that sound alike. English and Spanish."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

_SHORT_FORMS = """
    abigail abby abbie gail
    abraham abe
    albert al bert
    alberto beto
    alejandro ale alex
    alejandra ale alex
    alexander alex al xander lex sasha
    alexandra alex sandra lexi alexa sasha
    alfred al fred alfie
    alice ali allie
    amanda mandy
    andrew andy drew
    andres andy
    angela angie
    anita ana
    ann annie nan nancy
    anthony tony
    antonio tony tono
    arthur art artie
    barbara barb babs barbie
    beatrice bea trixie
    beatriz bea
    benjamin ben benny benji
    bernard bernie
    bradley brad
    calvin cal
    cameron cam
    carolina caro
    caroline carrie caro
    cassandra cassie sandra
    catherine cathy cate cat kate kathy katie
    cecilia ceci
    charles charlie chuck chas
    charlotte charlie lottie
    christina chris tina chrissy christy
    christine chris tina chrissy christy
    christopher chris topher kit
    concepcion concha
    cynthia cindy
    daniel dan danny
    daniela dani
    david dave davey
    deborah deb debbie
    dennis denny
    diana di
    dolores lola dolly
    dominic dom nick
    donald don donny
    dorothy dot dottie dolly
    douglas doug
    edward ed eddie ted teddy ned
    eduardo lalo edu
    eleanor ellie nora ella
    elizabeth liz beth eliza lizzie betty betsy bess libby elsie lisa liza ellie
    emily em emmy millie
    enrique quique kike
    ernesto neto
    eugene gene
    evelyn evie eve
    ezekiel zeke
    fernando nando fer
    frances fran frannie francie
    francis frank
    francisco paco pancho frank cisco
    franklin frank
    frederick fred freddie
    gabriel gabe
    gabriela gaby
    geoffrey geoff jeff
    george georgie
    gerald gerry jerry
    gilbert gil
    graciela chela
    gregory greg
    guadalupe lupe lupita
    guillermo memo
    gwendolyn gwen
    harold hal harry
    henry hank harry hal
    herbert herb
    ignacio nacho
    irene rene
    isabel isa belle chabela
    isabella bella izzy belle
    isabelle belle izzy
    jacob jake
    jacqueline jackie
    james jim jimmy jamie
    janet jan
    jeffrey jeff
    jennifer jen jenny
    jeremiah jerry
    jeremy jerry
    jerome jerry
    jessica jess jessie
    jesus chuy chucho
    joan joanie
    joanna jo
    john johnny jack
    jonathan jon jonny nathan
    jorge coque
    jose pepe joe
    joseph joe joey
    josephine jo josie
    joshua josh
    juan juanito
    judith judy
    julia julie
    juliana julie
    katherine kathy kate katie kat kay kit kitty kathie
    kathleen kathy kate katie kay
    kathryn kathy kate katie kat kay kathie
    kenneth ken kenny
    kimberly kim
    lawrence larry
    leonard leo len lenny
    leonardo leo
    leticia leti
    lillian lily lil
    louis lou louie
    louise lou
    lucia lucy
    luis lucho
    madeline maddie
    madison maddie
    manuel manny manolo
    margaret maggie meg peggy marge margie greta daisy madge
    margarita rita
    maria mari mary
    martha marty
    martin marty
    mary molly polly mamie
    mateo teo
    matthew matt
    maximilian max
    maxwell max
    megan meg
    melissa missy mel
    melvin mel
    mercedes meche
    michael mike mickey mick micky
    michelle shelly
    miguel mike
    miranda mandy
    mitchell mitch
    nancy nan
    natalie nat
    nathan nate
    nathaniel nate nathan nat
    nicholas nick nicky
    nicolas nico
    nicole nicky nikki
    norman norm
    olivia liv livvy
    oliver ollie
    ottilie tilly ottie
    pamela pam
    patricia pat patty trish tricia
    patrick pat paddy
    penelope penny
    peter pete
    philip phil
    phillip phil
    rachel rae
    ramon moncho
    randall randy
    randolph randy
    raymond ray
    rebecca becky becca
    ricardo rick richard
    richard rick rich dick richie ricky
    robert bob rob bobby robbie bert
    roberto beto rob
    roger rodge
    ronald ron ronnie
    rosario charo
    rosemary rose
    russell russ
    samantha sam sammy
    samuel sam sammy
    santiago santi
    sarah sally sadie
    sebastian seb bas
    sharon shari
    solomon sol
    sophia sophie
    stanley stan
    stephanie steph
    stephen steve
    steven steve
    stewart stew
    stuart stu
    susan sue susie suzy
    suzanne sue suzy
    sylvester sly
    teresa tere terry
    terence terry
    theodore ted teddy theo
    theresa terry tess tessa
    thomas tom tommy
    timothy tim timmy
    tobias toby
    valerie val
    vanessa nessa
    veronica vero ronnie
    victor vic
    victoria vicky tori
    vincent vince vinny
    virginia ginny
    walter walt wally
    wilfred wilf
    william bill will billy willie liam
    winifred winnie
    yolanda yoli
    zachary zach
"""

_SOUND_ALIKE = """
    aaron erin
    allan alan allen
    caitlin kaitlyn katelyn
    carl karl
    catherine katherine kathryn cathryn
    chloe khloe
    eric erik
    ethan eathan
    hailey haley hayley
    isaac izak
    jaime jamie
    javier xavier
    jose hose
    leigh lee
    madeline madeleine madelyn
    marc mark
    michaela mikayla mckayla
    neil neal niall
    philip phillip
    rachel rachael
    sean shawn shaun
    sofia sophia
    stephen steven stephan
    stuart stewart
    vivian vivienne
    yesenia jessenia
    zoe zoey zoie
"""


def _groups(text: str) -> Mapping[str, frozenset[int]]:
    """Map every name to the lines that it stands in."""
    found: dict[str, set[int]] = defaultdict(set)
    for line, names in enumerate(text.strip().splitlines()):
        for name in names.split():
            found[name].add(line)
    return {name: frozenset(lines) for name, lines in found.items()}


_NONE: frozenset[int] = frozenset()
_SHORT = _groups(_SHORT_FORMS)
_ALIKE = _groups(_SOUND_ALIKE)


def is_short_form(one: str, other: str) -> bool:
    """Return whether two given names may be forms of one name ("bob" and "robert", "bob" and "rob")."""
    return not _SHORT.get(one, _NONE).isdisjoint(_SHORT.get(other, _NONE))


def sounds_alike(one: str, other: str) -> bool:
    """Return whether two given names are listed as said alike and written otherwise ("sean" and "shawn")."""
    return not _ALIKE.get(one, _NONE).isdisjoint(_ALIKE.get(other, _NONE))
