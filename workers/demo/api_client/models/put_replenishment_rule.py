# Generated from openapi.json by openapi-python-client: do not edit. `make client` writes this folder again.
from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define

from ..types import UNSET, Unset

T = TypeVar("T", bound="PutReplenishmentRule")


@_attrs_define
class PutReplenishmentRule:
    """
    Attributes:
        sku (None | str | Unset):
        warehouse (None | str | Unset):
        supplier (str | Unset):  Default: ''.
        service_level (float | Unset):  Default: 0.95.
        lead_time_days (float | Unset):  Default: 7.0.
        lead_time_deviation_days (float | Unset):  Default: 0.0.
        review_days (int | Unset):  Default: 1.
        pack_size (int | Unset):  Default: 1.
        min_order (int | Unset):  Default: 1.
        order_cost_minor (int | None | Unset):
        holding_cost_minor (int | None | Unset):
        window_days (int | Unset):  Default: 90.
        automatic (bool | Unset):  Default: False.
    """

    sku: None | str | Unset = UNSET
    warehouse: None | str | Unset = UNSET
    supplier: str | Unset = ""
    service_level: float | Unset = 0.95
    lead_time_days: float | Unset = 7.0
    lead_time_deviation_days: float | Unset = 0.0
    review_days: int | Unset = 1
    pack_size: int | Unset = 1
    min_order: int | Unset = 1
    order_cost_minor: int | None | Unset = UNSET
    holding_cost_minor: int | None | Unset = UNSET
    window_days: int | Unset = 90
    automatic: bool | Unset = False

    def to_dict(self) -> dict[str, Any]:
        sku: None | str | Unset
        if isinstance(self.sku, Unset):
            sku = UNSET
        else:
            sku = self.sku

        warehouse: None | str | Unset
        if isinstance(self.warehouse, Unset):
            warehouse = UNSET
        else:
            warehouse = self.warehouse

        supplier = self.supplier

        service_level = self.service_level

        lead_time_days = self.lead_time_days

        lead_time_deviation_days = self.lead_time_deviation_days

        review_days = self.review_days

        pack_size = self.pack_size

        min_order = self.min_order

        order_cost_minor: int | None | Unset
        if isinstance(self.order_cost_minor, Unset):
            order_cost_minor = UNSET
        else:
            order_cost_minor = self.order_cost_minor

        holding_cost_minor: int | None | Unset
        if isinstance(self.holding_cost_minor, Unset):
            holding_cost_minor = UNSET
        else:
            holding_cost_minor = self.holding_cost_minor

        window_days = self.window_days

        automatic = self.automatic

        field_dict: dict[str, Any] = {}

        field_dict.update({})
        if sku is not UNSET:
            field_dict["sku"] = sku
        if warehouse is not UNSET:
            field_dict["warehouse"] = warehouse
        if supplier is not UNSET:
            field_dict["supplier"] = supplier
        if service_level is not UNSET:
            field_dict["service_level"] = service_level
        if lead_time_days is not UNSET:
            field_dict["lead_time_days"] = lead_time_days
        if lead_time_deviation_days is not UNSET:
            field_dict["lead_time_deviation_days"] = lead_time_deviation_days
        if review_days is not UNSET:
            field_dict["review_days"] = review_days
        if pack_size is not UNSET:
            field_dict["pack_size"] = pack_size
        if min_order is not UNSET:
            field_dict["min_order"] = min_order
        if order_cost_minor is not UNSET:
            field_dict["order_cost_minor"] = order_cost_minor
        if holding_cost_minor is not UNSET:
            field_dict["holding_cost_minor"] = holding_cost_minor
        if window_days is not UNSET:
            field_dict["window_days"] = window_days
        if automatic is not UNSET:
            field_dict["automatic"] = automatic

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)

        def _parse_sku(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        sku = _parse_sku(d.pop("sku", UNSET))

        def _parse_warehouse(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        warehouse = _parse_warehouse(d.pop("warehouse", UNSET))

        supplier = d.pop("supplier", UNSET)

        service_level = d.pop("service_level", UNSET)

        lead_time_days = d.pop("lead_time_days", UNSET)

        lead_time_deviation_days = d.pop("lead_time_deviation_days", UNSET)

        review_days = d.pop("review_days", UNSET)

        pack_size = d.pop("pack_size", UNSET)

        min_order = d.pop("min_order", UNSET)

        def _parse_order_cost_minor(data: object) -> int | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(int | None | Unset, data)

        order_cost_minor = _parse_order_cost_minor(d.pop("order_cost_minor", UNSET))

        def _parse_holding_cost_minor(data: object) -> int | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(int | None | Unset, data)

        holding_cost_minor = _parse_holding_cost_minor(d.pop("holding_cost_minor", UNSET))

        window_days = d.pop("window_days", UNSET)

        automatic = d.pop("automatic", UNSET)

        put_replenishment_rule = cls(
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
        )

        return put_replenishment_rule
