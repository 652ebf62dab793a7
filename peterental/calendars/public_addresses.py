"""Which IP addresses a request that a person typed may go to: SSRF."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

IPAddress = IPv4Address | IPv6Address

_GLOBAL_UNICAST = IPv6Network("2000::/3")
_NAT64 = IPv6Network("64:ff9b::/96")
_SPECIAL_IPV4 = (IPv4Network("192.0.0.0/24"), IPv4Network("192.88.99.0/24"))
"""Protocol assignments and 6to4 relays, which `is_global` allows in some versions of Python."""

_LOCAL = tuple(
    ip_network(text)
    for text in ("127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "::1/128", "fc00::/7")
)


def is_public(address: IPAddress) -> bool:
    """Return whether an address is one of the public internet.

    An IPv6 address in which an IPv4 address is embedded (mapped, 6to4, NAT64) is as public as that one: a gateway on
    the way may unwrap it. One of Teredo is none.
    """
    if isinstance(address, IPv4Address):
        return _is_public_ipv4(address)
    if address.ipv4_mapped is not None:
        return _is_public_ipv4(address.ipv4_mapped)
    if address in _NAT64:
        return _is_public_ipv4(IPv4Address(int(address) & 0xFFFFFFFF))
    if address.sixtofour is not None:
        return _is_public_ipv4(address.sixtofour)
    return address in _GLOBAL_UNICAST and address.is_global


def is_local(address: IPAddress) -> bool:
    """Return whether an address is of this machine or of a private network: what `allow_private` allows.

    Link-local addresses are not: a cloud's metadata service listens on 169.254.169.254.
    """
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return any(address in network for network in _LOCAL)


def address_of(text: str) -> IPAddress:
    """Return the address that `getaddrinfo` returned as text."""
    return ip_address(text)


def _is_public_ipv4(address: IPv4Address) -> bool:
    return (
        address.is_global
        and not address.is_multicast
        and not address.is_reserved
        and not any(address in network for network in _SPECIAL_IPV4)
    )
