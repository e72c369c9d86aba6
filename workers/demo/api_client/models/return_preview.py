# Generated from openapi.json by openapi-python-client: do not edit. `make client` writes this folder again.
from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

if TYPE_CHECKING:
    from ..models.return_consequence import ReturnConsequence


T = TypeVar("T", bound="ReturnPreview")


@_attrs_define
class ReturnPreview:
    """
    Attributes:
        order_no (str):
        consequence (ReturnConsequence):
    """

    order_no: str
    consequence: ReturnConsequence
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        order_no = self.order_no

        consequence = self.consequence.to_dict()

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "order_no": order_no,
                "consequence": consequence,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.return_consequence import ReturnConsequence  # noqa: PLC0415

        d = dict(src_dict)
        order_no = d.pop("order_no")

        consequence = ReturnConsequence.from_dict(d.pop("consequence"))

        return_preview = cls(
            order_no=order_no,
            consequence=consequence,
        )

        return_preview.additional_properties = d
        return return_preview

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
