# Generated from openapi.json by openapi-python-client: do not edit. `make client` writes this folder again.
from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

if TYPE_CHECKING:
    from ..models.returned_line_inspected import ReturnedLineInspected
    from ..models.returned_line_received import ReturnedLineReceived


T = TypeVar("T", bound="ReturnedLine")


@_attrs_define
class ReturnedLine:
    """
    Attributes:
        line_no (int):
        sku (str):
        quantity (int):
        received (ReturnedLineReceived):
        inspected (ReturnedLineInspected):
    """

    line_no: int
    sku: str
    quantity: int
    received: ReturnedLineReceived
    inspected: ReturnedLineInspected
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        line_no = self.line_no

        sku = self.sku

        quantity = self.quantity

        received = self.received.to_dict()

        inspected = self.inspected.to_dict()

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "line_no": line_no,
                "sku": sku,
                "quantity": quantity,
                "received": received,
                "inspected": inspected,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.returned_line_inspected import ReturnedLineInspected  # noqa: PLC0415
        from ..models.returned_line_received import ReturnedLineReceived  # noqa: PLC0415

        d = dict(src_dict)
        line_no = d.pop("line_no")

        sku = d.pop("sku")

        quantity = d.pop("quantity")

        received = ReturnedLineReceived.from_dict(d.pop("received"))

        inspected = ReturnedLineInspected.from_dict(d.pop("inspected"))

        returned_line = cls(
            line_no=line_no,
            sku=sku,
            quantity=quantity,
            received=received,
            inspected=inspected,
        )

        returned_line.additional_properties = d
        return returned_line

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
