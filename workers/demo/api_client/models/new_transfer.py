# Generated from openapi.json by openapi-python-client: do not edit. `make client` writes this folder again.
from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.wanted_units import WantedUnits


T = TypeVar("T", bound="NewTransfer")


@_attrs_define
class NewTransfer:
    """
    Attributes:
        from_ (str):
        to (str):
        reference (str):
        sku (None | str | Unset):
        quantity (int | None | Unset):
        lines (list[WantedUnits] | Unset):
        expected_on (None | str | Unset):
    """

    from_: str
    to: str
    reference: str
    sku: None | str | Unset = UNSET
    quantity: int | None | Unset = UNSET
    lines: list[WantedUnits] | Unset = UNSET
    expected_on: None | str | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        from_ = self.from_

        to = self.to

        reference = self.reference

        sku: None | str | Unset
        if isinstance(self.sku, Unset):
            sku = UNSET
        else:
            sku = self.sku

        quantity: int | None | Unset
        if isinstance(self.quantity, Unset):
            quantity = UNSET
        else:
            quantity = self.quantity

        lines: list[dict[str, Any]] | Unset = UNSET
        if not isinstance(self.lines, Unset):
            lines = []
            for lines_item_data in self.lines:
                lines_item = lines_item_data.to_dict()
                lines.append(lines_item)

        expected_on: None | str | Unset
        if isinstance(self.expected_on, Unset):
            expected_on = UNSET
        else:
            expected_on = self.expected_on

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "from": from_,
                "to": to,
                "reference": reference,
            }
        )
        if sku is not UNSET:
            field_dict["sku"] = sku
        if quantity is not UNSET:
            field_dict["quantity"] = quantity
        if lines is not UNSET:
            field_dict["lines"] = lines
        if expected_on is not UNSET:
            field_dict["expected_on"] = expected_on

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.wanted_units import WantedUnits  # noqa: PLC0415

        d = dict(src_dict)
        from_ = d.pop("from")

        to = d.pop("to")

        reference = d.pop("reference")

        def _parse_sku(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        sku = _parse_sku(d.pop("sku", UNSET))

        def _parse_quantity(data: object) -> int | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(int | None | Unset, data)

        quantity = _parse_quantity(d.pop("quantity", UNSET))

        _lines = d.pop("lines", UNSET)
        lines: list[WantedUnits] | Unset = UNSET
        if _lines is not UNSET:
            lines = []
            for lines_item_data in _lines:
                lines_item = WantedUnits.from_dict(lines_item_data)

                lines.append(lines_item)

        def _parse_expected_on(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        expected_on = _parse_expected_on(d.pop("expected_on", UNSET))

        new_transfer = cls(
            from_=from_,
            to=to,
            reference=reference,
            sku=sku,
            quantity=quantity,
            lines=lines,
            expected_on=expected_on,
        )

        return new_transfer
