# Generated from openapi.json by openapi-python-client: do not edit. `make client` writes this folder again.
from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.demand_pattern import DemandPattern, check_demand_pattern

T = TypeVar("T", bound="Suggestion")


@_attrs_define
class Suggestion:
    """
    Attributes:
        sku (str):
        name (str):
        warehouse (str):
        supplier (str):
        quantity (int):
        demand_per_day (float):
        deviation (float):
        pattern (DemandPattern):
        demand_days (int):
        service_level (float):
        lead_time_days (float):
        lead_time_deviation_days (float):
        review_days (int):
        safety_stock (int):
        reorder_point (int):
        on_hand (int):
        reserved (int):
        kept_back (int):
        incoming (int):
        waiting (int):
        position (int):
        automatic (bool):
        computed_at (datetime.datetime):
    """

    sku: str
    name: str
    warehouse: str
    supplier: str
    quantity: int
    demand_per_day: float
    deviation: float
    pattern: DemandPattern
    demand_days: int
    service_level: float
    lead_time_days: float
    lead_time_deviation_days: float
    review_days: int
    safety_stock: int
    reorder_point: int
    on_hand: int
    reserved: int
    kept_back: int
    incoming: int
    waiting: int
    position: int
    automatic: bool
    computed_at: datetime.datetime
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        sku = self.sku

        name = self.name

        warehouse = self.warehouse

        supplier = self.supplier

        quantity = self.quantity

        demand_per_day = self.demand_per_day

        deviation = self.deviation

        pattern: str = self.pattern

        demand_days = self.demand_days

        service_level = self.service_level

        lead_time_days = self.lead_time_days

        lead_time_deviation_days = self.lead_time_deviation_days

        review_days = self.review_days

        safety_stock = self.safety_stock

        reorder_point = self.reorder_point

        on_hand = self.on_hand

        reserved = self.reserved

        kept_back = self.kept_back

        incoming = self.incoming

        waiting = self.waiting

        position = self.position

        automatic = self.automatic

        computed_at = self.computed_at.isoformat()

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "sku": sku,
                "name": name,
                "warehouse": warehouse,
                "supplier": supplier,
                "quantity": quantity,
                "demand_per_day": demand_per_day,
                "deviation": deviation,
                "pattern": pattern,
                "demand_days": demand_days,
                "service_level": service_level,
                "lead_time_days": lead_time_days,
                "lead_time_deviation_days": lead_time_deviation_days,
                "review_days": review_days,
                "safety_stock": safety_stock,
                "reorder_point": reorder_point,
                "on_hand": on_hand,
                "reserved": reserved,
                "kept_back": kept_back,
                "incoming": incoming,
                "waiting": waiting,
                "position": position,
                "automatic": automatic,
                "computed_at": computed_at,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        sku = d.pop("sku")

        name = d.pop("name")

        warehouse = d.pop("warehouse")

        supplier = d.pop("supplier")

        quantity = d.pop("quantity")

        demand_per_day = d.pop("demand_per_day")

        deviation = d.pop("deviation")

        pattern = check_demand_pattern(d.pop("pattern"))

        demand_days = d.pop("demand_days")

        service_level = d.pop("service_level")

        lead_time_days = d.pop("lead_time_days")

        lead_time_deviation_days = d.pop("lead_time_deviation_days")

        review_days = d.pop("review_days")

        safety_stock = d.pop("safety_stock")

        reorder_point = d.pop("reorder_point")

        on_hand = d.pop("on_hand")

        reserved = d.pop("reserved")

        kept_back = d.pop("kept_back")

        incoming = d.pop("incoming")

        waiting = d.pop("waiting")

        position = d.pop("position")

        automatic = d.pop("automatic")

        computed_at = datetime.datetime.fromisoformat(d.pop("computed_at"))

        suggestion = cls(
            sku=sku,
            name=name,
            warehouse=warehouse,
            supplier=supplier,
            quantity=quantity,
            demand_per_day=demand_per_day,
            deviation=deviation,
            pattern=pattern,
            demand_days=demand_days,
            service_level=service_level,
            lead_time_days=lead_time_days,
            lead_time_deviation_days=lead_time_deviation_days,
            review_days=review_days,
            safety_stock=safety_stock,
            reorder_point=reorder_point,
            on_hand=on_hand,
            reserved=reserved,
            kept_back=kept_back,
            incoming=incoming,
            waiting=waiting,
            position=position,
            automatic=automatic,
            computed_at=computed_at,
        )

        suggestion.additional_properties = d
        return suggestion

    @property
    def additional_keys(self) -> list[str]:
        return list(self.additional_properties.keys())

    def __getitem__(self, key: str) -> Any:
        return self.additional_properties[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self.additional_properties[key] = value

    def __delitem__(self, key: str) -> None:
        del self.additional_properties[key]

    def __contains__(self, key: str) -> bool:
        return key in self.additional_properties
