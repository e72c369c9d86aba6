# Generated from openapi.json by openapi-python-client: do not edit. `make client` writes this folder again.
from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

T = TypeVar("T", bound="ReplenishmentRule")


@_attrs_define
class ReplenishmentRule:
    """
    Attributes:
        rule_id (int):
        sku (None | str):
        warehouse (None | str):
        supplier (str):
        service_level (float):
        lead_time_days (float):
        lead_time_deviation_days (float):
        review_days (int):
        pack_size (int):
        min_order (int):
        order_cost_minor (int | None):
        holding_cost_minor (int | None):
        window_days (int):
        automatic (bool):
        updated_by (str):
        updated_at (datetime.datetime):
    """

    rule_id: int
    sku: None | str
    warehouse: None | str
    supplier: str
    service_level: float
    lead_time_days: float
    lead_time_deviation_days: float
    review_days: int
    pack_size: int
    min_order: int
    order_cost_minor: int | None
    holding_cost_minor: int | None
    window_days: int
    automatic: bool
    updated_by: str
    updated_at: datetime.datetime
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        rule_id = self.rule_id

        sku: None | str
        sku = self.sku

        warehouse: None | str
        warehouse = self.warehouse

        supplier = self.supplier

        service_level = self.service_level

        lead_time_days = self.lead_time_days

        lead_time_deviation_days = self.lead_time_deviation_days

        review_days = self.review_days

        pack_size = self.pack_size

        min_order = self.min_order

        order_cost_minor: int | None
        order_cost_minor = self.order_cost_minor

        holding_cost_minor: int | None
        holding_cost_minor = self.holding_cost_minor

        window_days = self.window_days

        automatic = self.automatic

        updated_by = self.updated_by

        updated_at = self.updated_at.isoformat()

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "rule_id": rule_id,
                "sku": sku,
                "warehouse": warehouse,
                "supplier": supplier,
                "service_level": service_level,
                "lead_time_days": lead_time_days,
                "lead_time_deviation_days": lead_time_deviation_days,
                "review_days": review_days,
                "pack_size": pack_size,
                "min_order": min_order,
                "order_cost_minor": order_cost_minor,
                "holding_cost_minor": holding_cost_minor,
                "window_days": window_days,
                "automatic": automatic,
                "updated_by": updated_by,
                "updated_at": updated_at,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        rule_id = d.pop("rule_id")

        def _parse_sku(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        sku = _parse_sku(d.pop("sku"))

        def _parse_warehouse(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        warehouse = _parse_warehouse(d.pop("warehouse"))

        supplier = d.pop("supplier")

        service_level = d.pop("service_level")

        lead_time_days = d.pop("lead_time_days")

        lead_time_deviation_days = d.pop("lead_time_deviation_days")

        review_days = d.pop("review_days")

        pack_size = d.pop("pack_size")

        min_order = d.pop("min_order")

        def _parse_order_cost_minor(data: object) -> int | None:
            if data is None:
                return data
            return cast(int | None, data)

        order_cost_minor = _parse_order_cost_minor(d.pop("order_cost_minor"))

        def _parse_holding_cost_minor(data: object) -> int | None:
            if data is None:
                return data
            return cast(int | None, data)

        holding_cost_minor = _parse_holding_cost_minor(d.pop("holding_cost_minor"))

        window_days = d.pop("window_days")

        automatic = d.pop("automatic")

        updated_by = d.pop("updated_by")

        updated_at = datetime.datetime.fromisoformat(d.pop("updated_at"))

        replenishment_rule = cls(
            rule_id=rule_id,
            sku=sku,
            warehouse=warehouse,
            supplier=supplier,
            service_level=service_level,
            lead_time_days=lead_time_days,
            lead_time_deviation_days=lead_time_deviation_days,
            review_days=review_days,
            pack_size=pack_size,
            min_order=min_order,
            order_cost_minor=order_cost_minor,
            holding_cost_minor=holding_cost_minor,
            window_days=window_days,
            automatic=automatic,
            updated_by=updated_by,
            updated_at=updated_at,
        )

        replenishment_rule.additional_properties = d
        return replenishment_rule

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
