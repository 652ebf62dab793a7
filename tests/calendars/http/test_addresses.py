"""Which addresses are public, and which belong to this machine or a private network."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from peterental.calendars.public_addresses import address_of, is_local, is_public

ANY_SPEED = settings(deadline=None, suppress_health_check=list(HealthCheck))


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.8.9.10", "10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.1.1",
        "169.254.169.254", "100.64.0.1", "100.127.255.255", "0.0.0.1", "224.0.0.1", "239.255.255.250",
        "240.0.0.1", "255.255.255.255", "192.0.0.8", "192.0.2.1", "198.18.0.1", "198.51.100.1", "203.0.113.1",
        "192.88.99.1",
        "::", "::1", "fe80::1", "fe80::1%eth0", "fec0::1", "fc00::1", "fd12:3456::1", "ff02::1", "2001:db8::1",
        "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::127.0.0.1", "::10.0.0.1",
        "2002:7f00:1::", "2002:a00:1::1", "2002:a9fe:a9fe::1", "64:ff9b::127.0.0.1", "64:ff9b::10.0.0.1",
        "64:ff9b::a9fe:a9fe", "64:ff9b:1::1", "2001:0:a00:1::1", "100::1", "4000::1", "e000::1",
    ],
)  # fmt: skip
def test_a_private_or_reserved_address_is_not_public(address: str) -> None:
    assert not is_public(address_of(address))


@pytest.mark.parametrize(
    "address",
    ["1.1.1.1", "8.8.8.8", "100.63.255.255", "100.128.0.1", "172.32.0.1", "192.88.98.1", "2606:4700::1111",
     "2a00:1450:4001::1", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8"],
)  # fmt: skip
def test_an_address_of_the_internet_is_public(address: str) -> None:
    assert is_public(address_of(address))


@pytest.mark.parametrize("address", ["127.0.0.1", "10.0.0.1", "192.168.1.5", "::1", "fd00::1", "::ffff:127.0.0.1"])
def test_loopback_and_home_networks_are_local(address: str) -> None:
    assert is_local(address_of(address))


@pytest.mark.parametrize(
    "address", ["169.254.169.254", "fe80::1", "0.0.0.1", "::", "224.0.0.1", "ff02::1", "240.0.0.1", "8.8.8.8", "::ffff:169.254.169.254"]
)  # fmt: skip
def test_metadata_services_are_never_local(address: str) -> None:
    assert not is_local(address_of(address))


@ANY_SPEED
@given(st.ip_addresses(v=4))
def test_a_mapped_address_is_as_public_as_its_ipv4(address: IPv4Address) -> None:
    mapped = IPv6Address(f"::ffff:{address}")
    assert is_public(mapped) == is_public(address)
    assert is_local(mapped) == is_local(address)
    assert is_public(IPv6Address(f"64:ff9b::{address}")) == is_public(address)


@ANY_SPEED
@given(st.ip_addresses())
def test_no_address_is_both_public_and_local(address: IPv4Address | IPv6Address) -> None:
    assert not (is_public(address) and is_local(address))
