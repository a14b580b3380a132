"""Which addresses are public: what a URL from outside may lead to.

The address is checked where the socket for it is made, so that what is checked is what is connected to, whatever a name
leads to a moment later.
"""

from __future__ import annotations

import socket
from errno import EACCES
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Any

_EMBEDDING = IPv6Network("64:ff9b::/96")
"""The addresses by which IPv6 networks reach IPv4 ones (RFC 6052)."""

_METADATA = IPv4Address("168.63.129.16")
"""Azure's service for its machines, the only such address that looks public."""

NOT_PUBLIC = "not a public address"


def is_public(address: str) -> bool:
    """Whether an IP address is one of the internet, by itself and by the IPv4 address in it."""
    ip = _inner(ip_address(address.partition("%")[0]))
    if isinstance(ip, IPv6Address) and ip.is_site_local:
        return False
    return ip.is_global and not ip.is_multicast and not ip.is_reserved and ip != _METADATA


def public_socket(info: tuple[Any, ...]) -> socket.socket:
    """A socket for an address of `getaddrinfo`; a factory for aiohttp.

    Raises:
        OSError: The address is not public.
    """
    family, kind, protocol, _, address = info
    if not is_public(address[0]):
        raise OSError(EACCES, f"{address[0]} is {NOT_PUBLIC}")
    return socket.socket(family=family, type=kind, proto=protocol)


def _inner(ip: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    if isinstance(ip, IPv4Address):
        return ip
    if ip in _EMBEDDING:
        return IPv4Address(int(ip) & 0xFFFFFFFF)
    return ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else ip)
