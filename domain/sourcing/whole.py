"""Who ships all of an order: a decision that needs no search."""

from dataclasses import replace

from domain.sourcing.deciding import decide
from domain.sourcing.decision import SourcingDecision
from domain.sourcing.profile import Profile, Suppliers
from domain.sourcing.request import Network, SourcingRequest


def decide_whole(request: SourcingRequest, profile: Profile, *, own_first: bool = False) -> SourcingDecision:
    """The decision among those that have everything: one ships all of it, or nobody ships. `own_first`: a supplier only
    where its strategy takes it beside warehouses, since several warehouses together come before it."""
    demand = request.demand()
    known = request.network
    strategies = profile.strategies
    if own_first:
        strategies = tuple(
            replace(one, suppliers=Suppliers.NEVER) if one.suppliers is Suppliers.LAST else one for one in strategies
        )
    able = {
        place.code
        for place in known.warehouses
        if all(known.available.get((place.code, sku), 0) - place.buffer >= units for sku, units in demand.items())
    }
    stock = {at: units for at, units in known.available.items() if at[0] in able}
    alone = replace(request.preferences, max_fulfilments=1)
    return decide(
        replace(request, network=Network(known.warehouses, stock), preferences=alone),
        replace(profile, strategies=strategies),
    )
