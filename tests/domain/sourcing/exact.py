"""The optimum by an exact solver: a mixed integer programme over all warehouses."""

from collections.abc import Mapping

import highspy

from domain.sourcing.scoring import SCALE, Costs


def optimum(need: Mapping[str, int], units: Mapping[str, Mapping[str, int]], costs: Costs, most: int) -> int | None:
    """The points of the cheapest plan with at most `most` warehouses; None where no such plan has everything."""
    solver = highspy.Highs()
    solver.silent()
    solver.setOptionValue("mip_rel_gap", 0.0)
    chosen = {code: solver.addBinary(obj=cost / SCALE) for code, cost in sorted(costs.fixed.items())}
    solver.addConstr(sum(chosen.values()) <= most)
    for sku, wanted in sorted(need.items()):
        sent = []
        for code, open_ in chosen.items():
            if there := min(wanted, units[code].get(sku, 0)):
                taken = solver.addVariable(0, there, obj=costs.unit.get((code, sku), 0) / SCALE)
                solver.addConstr(taken <= there * open_)
                sent.append(taken)
        if not sent:
            return None
        solver.addConstr(sum(sent) == wanted)
    solver.run()
    if solver.getModelStatus() != highspy.HighsModelStatus.kOptimal:
        return None
    return round(solver.getObjectiveValue() * SCALE)
