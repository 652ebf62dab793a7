"""The client's address behind proxies, whatever the client writes into the headers."""

from __future__ import annotations

import pytest

from peterental.trusted_proxies import NO_PROXIES, TrustedProxies, is_private, parse_address

CLIENT, CLOUDFLARE, RENDER, PEER = "203.0.113.7", "172.70.247.28", "10.19.6.53", "10.21.157.68"
SPOOFED = "198.51.100.9"


@pytest.mark.parametrize("forwarded", ["", SPOOFED, f"{SPOOFED}, {CLIENT}", "127.0.0.1"])
def test_without_proxies_only_the_peer_counts(forwarded: str) -> None:
    assert NO_PROXIES.client_address(CLIENT, forwarded) == CLIENT


@pytest.mark.parametrize(
    "forwarded",
    [
        f"{CLIENT}, {CLOUDFLARE}, {RENDER}",
        f"{CLIENT},{CLOUDFLARE},{RENDER}",
        f"{SPOOFED},{CLIENT}, {CLOUDFLARE}, {RENDER}",
        f"{SPOOFED}, {SPOOFED}, {SPOOFED}, {CLIENT}, {CLOUDFLARE}, {RENDER}",
        f"garbage,,\"'<, {CLIENT}, {CLOUDFLARE}, {RENDER}",
        f"{CLIENT}:4711, {CLOUDFLARE}, {RENDER}",
        f"::ffff:{CLIENT}, {CLOUDFLARE}, {RENDER}",
        f"[::ffff:{CLIENT}]:4711, {CLOUDFLARE}, {RENDER}",
        f"{CLIENT}, unknown, {RENDER}",
        f"{'1,' * 5000}{CLIENT}, {CLOUDFLARE}, {RENDER}",
    ],
)
def test_hops_are_counted_from_the_right(forwarded: str) -> None:
    assert TrustedProxies(hops=3).client_address(PEER, forwarded) == CLIENT


@pytest.mark.parametrize(
    "forwarded",
    ["", CLIENT, f"{CLIENT}, {RENDER}", f"unknown, {CLOUDFLARE}, {RENDER}", f"{SPOOFED}, , {CLOUDFLARE}, {RENDER}",
     f"{'1' * 20_000}, {CLOUDFLARE}, {RENDER}", ",,"],
)  # fmt: skip
def test_missing_entries_are_not_guessed(forwarded: str) -> None:
    assert TrustedProxies(hops=3).client_address(PEER, forwarded) is None


NETWORKS = TrustedProxies.parse("10.0.0.0/8, 172.64.0.0/13, 2606:4700::/32")


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        (PEER, f"{CLIENT}, {CLOUDFLARE}, {RENDER}", CLIENT),
        (PEER, f"{CLIENT}, {CLOUDFLARE}", CLIENT),
        (PEER, CLIENT, CLIENT),
        (PEER, f"{SPOOFED}, {CLIENT}, {CLOUDFLARE}", CLIENT),
        (PEER, f"10.9.9.9, {SPOOFED}, {CLIENT}, {CLOUDFLARE}", CLIENT),
        (PEER, f"{CLIENT}, [2606:4700::1]:443, {RENDER}", CLIENT),
        (f"::ffff:{PEER}", CLIENT, CLIENT),
        ("", CLIENT, CLIENT),  # a UNIX socket
        (SPOOFED, CLIENT, SPOOFED),
        (SPOOFED, f"{CLIENT}, {RENDER}", SPOOFED),
        (PEER, "", PEER),
        (PEER, f"{SPOOFED}, unknown, {RENDER}", RENDER),
        (PEER, f"{SPOOFED}, ,", PEER),
        (PEER, f"{RENDER}, {CLOUDFLARE}", RENDER),
        (PEER, f"{'10.0.0.1,' * 2000}{CLIENT}", CLIENT),
    ],
)
def test_first_untrusted_entry_from_the_right_is_the_client(peer: str, forwarded: str, client: str) -> None:
    assert NETWORKS.client_address(peer, forwarded) == client


@pytest.mark.parametrize(
    ("entry", "address"),
    [
        ("203.0.113.7", "203.0.113.7"),
        (" 203.0.113.7:80 ", "203.0.113.7"),
        ("2001:DB8::1", "2001:db8::1"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("[2001:db8::1]:443", "2001:db8::1"),
        ("fe80::1%eth0", "fe80::1"),
        ("[fe80::1%25eth0]:1", "fe80::1"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
    ],
)
def test_addresses_are_read_with_brackets_and_ports(entry: str, address: str) -> None:
    assert str(parse_address(entry)) == address


@pytest.mark.parametrize(
    "entry",
    ["", " ", "-", "unknown", "_hidden", "localhost", "1.2.3", "1.2.3.4.5", "01.2.3.4", "256.1.1.1", "1.2.3.4:x",
     "1.2.3.4:999999", "[1.2.3.4", "::1]", "[]", "[::1]x", ":::", "٣.1.1.1", "1.2.3.4\n5", "0x7f.1", "2130706433", "x" * 99],
)  # fmt: skip
def test_anything_else_is_no_address(entry: str) -> None:
    assert parse_address(entry) is None


def test_settings_are_described() -> None:
    assert str(NO_PROXIES) == "no proxy"
    assert str(TrustedProxies(hops=3)) == "3 proxies"
    assert str(TrustedProxies.parse("10.0.0.0/8,::1")) == "proxies in 10.0.0.0/8, ::1/128"
    assert not NO_PROXIES
    assert TrustedProxies(hops=1)


def test_private_peers_are_recognised() -> None:
    assert is_private("10.1.2.3")
    assert is_private("::1")
    assert not is_private("8.8.8.8")
    assert not is_private("")
