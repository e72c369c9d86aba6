# Generated from openapi.json by openapi-python-client: do not edit. `make client` writes this folder again.
from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.guarantee_status import GuaranteeStatus, check_guarantee_status

T = TypeVar("T", bound="Guarantee")


@_attrs_define
class Guarantee:
    """
    Attributes:
        amount_minor (int):
        currency (str):
        status (GuaranteeStatus):
        claim_minor (int | None):
    """

    amount_minor: int
    currency: str
    status: GuaranteeStatus
    claim_minor: int | None
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        amount_minor = self.amount_minor

        currency = self.currency

        status: str = self.status

        claim_minor: int | None
        claim_minor = self.claim_minor

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "amount_minor": amount_minor,
                "currency": currency,
                "status": status,
                "claim_minor": claim_minor,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        amount_minor = d.pop("amount_minor")

        currency = d.pop("currency")

        status = check_guarantee_status(d.pop("status"))

        def _parse_claim_minor(data: object) -> int | None:
            if data is None:
                return data
            return cast(int | None, data)

        claim_minor = _parse_claim_minor(d.pop("claim_minor"))

        guarantee = cls(
            amount_minor=amount_minor,
            currency=currency,
            status=status,
            claim_minor=claim_minor,
        )

        guarantee.additional_properties = d
        return guarantee

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
