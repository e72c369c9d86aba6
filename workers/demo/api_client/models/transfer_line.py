# Generated from openapi.json by openapi-python-client: do not edit. `make client` writes this folder again.
from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

T = TypeVar("T", bound="TransferLine")


@_attrs_define
class TransferLine:
    """
    Attributes:
        sku (str):
        requested (int):
        shipped (int):
        received (int):
        lost (int):
        in_transit (int):
    """

    sku: str
    requested: int
    shipped: int
    received: int
    lost: int
    in_transit: int
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        sku = self.sku

        requested = self.requested

        shipped = self.shipped

        received = self.received

        lost = self.lost

        in_transit = self.in_transit

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "sku": sku,
                "requested": requested,
                "shipped": shipped,
                "received": received,
                "lost": lost,
                "in_transit": in_transit,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        sku = d.pop("sku")

        requested = d.pop("requested")

        shipped = d.pop("shipped")

        received = d.pop("received")

        lost = d.pop("lost")

        in_transit = d.pop("in_transit")

        transfer_line = cls(
            sku=sku,
            requested=requested,
            shipped=shipped,
            received=received,
            lost=lost,
            in_transit=in_transit,
        )

        transfer_line.additional_properties = d
        return transfer_line

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
