# Generated from openapi.json by openapi-python-client: do not edit. `make client` writes this folder again.
from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define

T = TypeVar("T", bound="SetCredit")


@_attrs_define
class SetCredit:
    """
    Attributes:
        limit_minor (int):
        currency (str):
        terms_days (int):
    """

    limit_minor: int
    currency: str
    terms_days: int

    def to_dict(self) -> dict[str, Any]:
        limit_minor = self.limit_minor

        currency = self.currency

        terms_days = self.terms_days

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "limit_minor": limit_minor,
                "currency": currency,
                "terms_days": terms_days,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        limit_minor = d.pop("limit_minor")

        currency = d.pop("currency")

        terms_days = d.pop("terms_days")

        set_credit = cls(
            limit_minor=limit_minor,
            currency=currency,
            terms_days=terms_days,
        )

        return set_credit
