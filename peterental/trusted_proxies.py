"""Which proxies may report a client's address, and what the address is. Pure.

A client writes whatever it likes into X-Forwarded-For; a proxy appends the address that it saw. Only the entries that
trusted proxies appended count, and these are at the right end.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from peterental.plural import counted

MAX_HOPS = 16

MAX_ENTRY_CHARS = 64
"""The longest address with brackets, zone and port is shorter."""

_WITH_PORT = re.compile(r"\[([^\]]*)\](?::[0-9]{1,5})?|([0-9.]+):[0-9]{1,5}")

Network = IPv4Network | IPv6Network


@dataclass(frozen=True)
class TrustedProxies:
    """The proxies in front of this process; by default none.

    Args:
        hops: how many proxies append to X-Forwarded-For, whatever their addresses.
        networks: the networks of the proxies, where their number varies.
    """

    hops: int = 0
    networks: tuple[Network, ...] = ()

    @classmethod
    def parse(cls, text: str) -> TrustedProxies:
        """Parse a number of hops, or networks and addresses separated by commas. Raises ValueError."""
        text = text.strip()
        if text.isascii() and text.isdigit():
            if len(text) > len(str(MAX_HOPS)) or int(text) > MAX_HOPS:
                raise ValueError
            return cls(hops=int(text))
        networks = tuple(ip_network(part.strip()) for part in text.split(","))
        if any(network.prefixlen == 0 for network in networks):
            raise ValueError  # a trusted proxy chooses the address: if all are trusted, it means nothing
        return cls(networks=networks)

    def __bool__(self) -> bool:
        return bool(self.hops or self.networks)

    def __str__(self) -> str:
        if self.networks:
            return f"proxies in {', '.join(map(str, self.networks))}"
        return counted(self.hops, "proxy", "proxies") if self.hops else "no proxy"

    def trusts(self, peer: str) -> bool:
        """Return whether the other end of a connection is a proxy whose headers count.

        Args:
            peer: its address; empty for a UNIX socket, which only programs of this machine can open.
        """
        if not self.networks:
            return self.hops > 0
        address = parse_address(peer)
        return not peer.strip() if address is None else self._contains(address)

    def client_address(self, peer: str, forwarded_for: str) -> str | None:
        """Return the address of the client; None where the headers of trusted proxies do not have it.

        Args:
            peer: the other end of the connection.
            forwarded_for: X-Forwarded-For; several headers are joined by commas.
        """
        if not self.trusts(peer):
            return _text(parse_address(peer))
        if self.hops:
            entries = forwarded_for.rsplit(",", self.hops)
            found = entries[-self.hops] if len(entries) >= self.hops else ""
            return _text(parse_address(found))
        nearest = parse_address(peer)
        rest = forwarded_for
        while rest:
            rest, _, entry = rest.rpartition(",")
            address = parse_address(entry)
            if address is None:
                break
            nearest = address
            if not self._contains(address):
                break
        return _text(nearest)

    def _contains(self, address: IPv4Address | IPv6Address) -> bool:
        return any(address in network for network in self.networks)


NO_PROXIES = TrustedProxies()


def parse_address(entry: str) -> IPv4Address | IPv6Address | None:
    """Parse an entry of X-Forwarded-For; None for anything that is no IP address.

    Brackets, port and zone are dropped. An IPv4 address that is mapped into IPv6 becomes IPv4.
    """
    entry = entry.strip()
    if not entry or len(entry) > MAX_ENTRY_CHARS:
        return None
    if match := _WITH_PORT.fullmatch(entry):
        entry = match[1] or match[2] or ""
    try:
        address = ip_address(entry.partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def _text(address: IPv4Address | IPv6Address | None) -> str | None:
    return None if address is None else str(address)


def is_private(peer: str) -> bool:
    """Return whether a peer has a private or loopback address, as a proxy beside the process has."""
    address = parse_address(peer)
    return address is not None and (address.is_private or address.is_loopback)
