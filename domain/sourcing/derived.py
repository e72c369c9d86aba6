"""The decision behind a plain order, from what is known afterwards.

An order that one warehouse ships keeps no decision of its own. The best warehouse with enough stock ships it, so those
that score better did not have enough.
"""

from dataclasses import replace

from domain.sourcing.deciding import decide
from domain.sourcing.decision import Considered, Share, SharedLine, SourcingDecision
from domain.sourcing.eligible import Exclusion
from domain.sourcing.profile import DEFAULT_PROFILE
from domain.sourcing.request import Network, SourcingRequest


def derived(request: SourcingRequest, chosen: str) -> SourcingDecision:
    """How the warehouses compare for this order by the default profile, had each of them everything."""
    everything = {
        (place.code, sku): units for place in request.network.warehouses for sku, units in request.demand().items()
    }
    plain = tuple(replace(one, capacity_left=None, buffer=0) for one in request.network.warehouses)
    compared = decide(replace(request, network=Network(plain, everything)), DEFAULT_PROFILE)
    lines = tuple(SharedLine(line.line_no, line.sku, line.quantity) for line in request.lines)
    return replace(compared, shares=(Share(chosen, lines),), unallocated=(), considered=_explained(compared, chosen))


def _explained(compared: SourcingDecision, chosen: str) -> tuple[Considered, ...]:
    """The chosen one first; before it in rank is only who did not have everything."""
    ranked = list(compared.considered)
    at = next((place for place, one in enumerate(ranked) if one.warehouse == chosen), 0)
    short = [one if one.excluded_by else replace(one, excluded_by=Exclusion.NO_STOCK.value) for one in ranked[:at]]
    return (*ranked[at : at + 1], *ranked[at + 1 :], *short)
