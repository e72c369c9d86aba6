"""Which addresses a stranger's URL may lead to: public unicast ones, on ports that are meant for the web; and what
counts as one source of calls.

The list is the union of the IANA special-purpose address registries for IPv4 and IPv6 (RFC 6890 and its updates, read
on 2026-11-01), multicast, and every form of IPv6 that carries an IPv4 address: how the inner address is reached
is unknown.
"""

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass

from infra.settings import Settings

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_SPECIAL_V4 = (
    "0.0.0.0/8",  # this network
    "10.0.0.0/8",  # private
    "100.64.0.0/10",  # shared by carrier-grade NAT
    "127.0.0.0/8",  # loopback
    "169.254.0.0/16",  # link-local, metadata services of clouds
    "172.16.0.0/12",  # private
    "192.0.0.0/24",  # IETF protocol assignments
    "192.0.2.0/24",  # documentation
    "192.31.196.0/24",  # AS112
    "192.52.193.0/24",  # AMT
    "192.88.99.0/24",  # 6to4 relays, deprecated
    "192.168.0.0/16",  # private
    "192.175.48.0/24",  # AS112
    "198.18.0.0/15",  # benchmarking
    "198.51.100.0/24",  # documentation
    "203.0.113.0/24",  # documentation
    "224.0.0.0/4",  # multicast
    "240.0.0.0/4",  # reserved, and limited broadcast
)
_SPECIAL_V6 = (
    "2001::/23",  # IETF protocol assignments: Teredo, benchmarking, ORCHID, AMT, …
    "2001:db8::/32",  # documentation
    "2002::/16",  # 6to4
    "2620:4f:8000::/48",  # AS112
    "3fff::/20",  # documentation
)
# Nothing outside of it is a public unicast address: loopback, IPv4-mapped and -compatible, NAT64 (64:ff9b::/96 and
# 64:ff9b:1::/48), discard-only, segment routing, unique local, link-local, site-local, multicast.
_GLOBAL_UNICAST_V6 = ipaddress.IPv6Network("2000::/3")
_DENIED = tuple(ipaddress.ip_network(net) for net in (*_SPECIAL_V4, *_SPECIAL_V6))
# The interface identifier of ISATAP (RFC 5214), which ends with an IPv4 address, under any prefix.
_ISATAP = frozenset({0x00005EFE, 0x02005EFE})


def is_public(address: str, denied: Iterable[Network] = ()) -> bool:
    """True for a public unicast address outside of `denied`. Raises ValueError when it is no address."""
    ip = ipaddress.ip_address(address)
    if isinstance(ip, ipaddress.IPv6Address):
        inner = (int(ip) >> 32) & 0xFFFFFFFF
        if ip.scope_id is not None or ip not in _GLOBAL_UNICAST_V6 or inner in _ISATAP:
            return False
    return not any(ip.version == net.version and ip in net for net in (*_DENIED, *denied))


def source_of(address: str) -> str:
    """What is counted as one source: an IPv4 address, or the /64 of an IPv6 address, in which one visitor can
    have any number of addresses. What is no address is itself."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(ip, ipaddress.IPv4Address):
        return str(ip)
    if ip.ipv4_mapped is not None:
        return str(ip.ipv4_mapped)
    return str(ipaddress.IPv6Network((ip, 64), strict=False))


@dataclass(frozen=True, slots=True)
class Reach:
    """Where webhooks may go. With `private` (for development) everywhere."""

    private: bool = False
    ports: frozenset[int] = frozenset({80, 443})
    denied: tuple[Network, ...] = ()

    @classmethod
    def from_settings(cls, settings: Settings) -> "Reach":
        """As `OMS_ALLOW_PRIVATE_WEBHOOK_TARGETS`, `OMS_WEBHOOK_PORTS` and `OMS_WEBHOOK_DENIED_NETWORKS` say."""
        networks = tuple(ipaddress.ip_network(one) for one in settings.webhook_denied_networks.split(",") if one)
        ports = frozenset(int(one) for one in settings.webhook_ports.split(","))
        return cls(settings.allow_private_webhook_targets, ports, networks)

    def port(self, number: int) -> bool:
        """True when webhooks may connect to this port."""
        return self.private or number in self.ports

    def address(self, address: str) -> bool:
        """True when webhooks may connect to this address. Raises ValueError when it is no address."""
        return self.private or is_public(address, self.denied)
