# Generated from openapi.json by openapi-python-client: do not edit. `make client` writes this folder again.
from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.problem_answered_choice import ProblemAnsweredChoice, check_problem_answered_choice
from ..models.problem_answered_parcel import ProblemAnsweredParcel, check_problem_answered_parcel

if TYPE_CHECKING:
    from ..models.sku_quantity import SkuQuantity


T = TypeVar("T", bound="ProblemAnswered")


@_attrs_define
class ProblemAnswered:
    """
    Attributes:
        order_no (str):
        choice (ProblemAnsweredChoice):
        shipment_id (str):
        parcel (ProblemAnsweredParcel):
        refund_minor (int):
        currency (str):
        warehouse (None | str):
        lines (list[SkuQuantity]):
        order_goes_on (bool):
    """

    order_no: str
    choice: ProblemAnsweredChoice
    shipment_id: str
    parcel: ProblemAnsweredParcel
    refund_minor: int
    currency: str
    warehouse: None | str
    lines: list[SkuQuantity]
    order_goes_on: bool
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        order_no = self.order_no

        choice: str = self.choice

        shipment_id = self.shipment_id

        parcel: str = self.parcel

        refund_minor = self.refund_minor

        currency = self.currency

        warehouse: None | str
        warehouse = self.warehouse

        lines = []
        for lines_item_data in self.lines:
            lines_item = lines_item_data.to_dict()
            lines.append(lines_item)

        order_goes_on = self.order_goes_on

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "order_no": order_no,
                "choice": choice,
                "shipment_id": shipment_id,
                "parcel": parcel,
                "refund_minor": refund_minor,
                "currency": currency,
                "warehouse": warehouse,
                "lines": lines,
                "order_goes_on": order_goes_on,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.sku_quantity import SkuQuantity  # noqa: PLC0415

        d = dict(src_dict)
        order_no = d.pop("order_no")

        choice = check_problem_answered_choice(d.pop("choice"))

        shipment_id = d.pop("shipment_id")

        parcel = check_problem_answered_parcel(d.pop("parcel"))

        refund_minor = d.pop("refund_minor")

        currency = d.pop("currency")

        def _parse_warehouse(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        warehouse = _parse_warehouse(d.pop("warehouse"))

        lines = []
        _lines = d.pop("lines")
        for lines_item_data in _lines:
            lines_item = SkuQuantity.from_dict(lines_item_data)

            lines.append(lines_item)

        order_goes_on = d.pop("order_goes_on")

        problem_answered = cls(
            order_no=order_no,
            choice=choice,
            shipment_id=shipment_id,
            parcel=parcel,
            refund_minor=refund_minor,
            currency=currency,
            warehouse=warehouse,
            lines=lines,
            order_goes_on=order_goes_on,
        )

        problem_answered.additional_properties = d
        return problem_answered

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
