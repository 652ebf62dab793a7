"""Attacks, `make attack`: strangers try to silence the phone.

All the while, authenticated calls are placed and measured.

target    the attacked server: gunicorn as in production, with a database of its own
wire      one raw connection, on which an attacker sends any bytes
line      the measured phone calls: authenticated, each on a new connection
cores     what other programs use of the machine
attacker  every client of one attack, and what they count
browser   a signed-in visitor who finds every page and form
attacks   the attacks by name, with the limit of each
slow      clients that send or read slowly, or not at all
floods    many requests, or large ones
odd       bytes, headers and fields that no honest client sends
verdict   what an attack did to the calls, compared with its limits

One process of asyncio is all the clients, so that two cores suffice. Everything goes to 127.0.0.1.
"""
