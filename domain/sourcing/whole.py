"""Who ships all of an order: a decision that needs no search."""

from dataclasses import replace

from domain.sourcing.deciding import decide
from domain.sourcing.decision import SourcingDecision
from domain.sourcing.profile import Profile
from domain.sourcing.request import Network, SourcingRequest


def decide_whole(request: SourcingRequest, profile: Profile) -> SourcingDecision:
    """The decision among the warehouses that have everything: one ships all of it, or nobody ships."""
    demand = request.demand()
    known = request.network
    able = {
        place.code
        for place in known.warehouses
        if all(known.available.get((place.code, sku), 0) - place.buffer >= units for sku, units in demand.items())
    }
    stock = {at: units for at, units in known.available.items() if at[0] in able}
    alone = replace(request.preferences, max_fulfilments=1)
    return decide(replace(request, network=Network(known.warehouses, stock), preferences=alone), profile)
