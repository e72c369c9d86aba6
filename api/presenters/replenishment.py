"""Suggestions and rules of replenishment as callers see them."""

from dataclasses import asdict

from api.schemas.replenishment import ReplenishmentRule, Suggestion
from api.services.replenishment import replenishment


def suggestion(one: replenishment.Suggestion) -> Suggestion:
    """With the position that its units add up to."""
    demand, policy, position = one.demand, one.policy, one.position
    return Suggestion(
        sku=one.sku, name=one.name, warehouse=one.warehouse, supplier=one.supplier, quantity=one.quantity,
        demand_per_day=demand.per_day, deviation=demand.deviation, pattern=demand.pattern, demand_days=demand.days,
        service_level=one.service_level, lead_time_days=one.lead_time_days,
        lead_time_deviation_days=one.lead_time_deviation_days, review_days=one.review_days,
        safety_stock=policy.safety_stock, reorder_point=policy.reorder_point, on_hand=position.on_hand,
        reserved=position.reserved, kept_back=position.safety_stock, incoming=position.incoming,
        waiting=position.waiting, position=position.units, automatic=one.automatic, computed_at=one.computed_at,
    )  # fmt: skip


def rule(stored: replenishment.StoredRule) -> ReplenishmentRule:
    """With its scope."""
    return ReplenishmentRule(
        rule_id=stored.rule_id, sku=stored.scope.sku, warehouse=stored.scope.warehouse,
        updated_by=stored.updated_by, updated_at=stored.updated_at, **asdict(stored.rule),
    )  # fmt: skip
