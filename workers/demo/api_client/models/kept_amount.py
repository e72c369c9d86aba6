# Generated from openapi.json by openapi-python-client: do not edit. `make client` writes this folder again.
from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.kept_amount_what import KeptAmountWhat, check_kept_amount_what
from ..models.kept_amount_why import KeptAmountWhy, check_kept_amount_why

T = TypeVar("T", bound="KeptAmount")


@_attrs_define
class KeptAmount:
    """
    Attributes:
        what (KeptAmountWhat):
        amount_minor (int):
        why (KeptAmountWhy):
    """

    what: KeptAmountWhat
    amount_minor: int
    why: KeptAmountWhy
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        what: str = self.what

        amount_minor = self.amount_minor

        why: str = self.why

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "what": what,
                "amount_minor": amount_minor,
                "why": why,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        what = check_kept_amount_what(d.pop("what"))

        amount_minor = d.pop("amount_minor")

        why = check_kept_amount_why(d.pop("why"))

        kept_amount = cls(
            what=what,
            amount_minor=amount_minor,
            why=why,
        )

        kept_amount.additional_properties = d
        return kept_amount

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
