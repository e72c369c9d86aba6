# Generated from openapi.json by openapi-python-client: do not edit. `make client` writes this folder again.
from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.order_payment_kind import OrderPaymentKind, check_order_payment_kind
from ..models.order_payment_purpose import OrderPaymentPurpose, check_order_payment_purpose
from ..models.order_payment_status import OrderPaymentStatus, check_order_payment_status

T = TypeVar("T", bound="OrderPayment")


@_attrs_define
class OrderPayment:
    """
    Attributes:
        payment_id (int):
        kind (OrderPaymentKind):
        purpose (OrderPaymentPurpose):
        status (OrderPaymentStatus):
        amount_minor (int):
        currency (str):
        provider (str):
        provider_ref (None | str):
        error_code (None | str):
        parent_id (int | None):
        fulfilment_no (int | None):
        created_at (datetime.datetime):
        expires_at (datetime.datetime | None):
    """

    payment_id: int
    kind: OrderPaymentKind
    purpose: OrderPaymentPurpose
    status: OrderPaymentStatus
    amount_minor: int
    currency: str
    provider: str
    provider_ref: None | str
    error_code: None | str
    parent_id: int | None
    fulfilment_no: int | None
    created_at: datetime.datetime
    expires_at: datetime.datetime | None
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        payment_id = self.payment_id

        kind: str = self.kind

        purpose: str = self.purpose

        status: str = self.status

        amount_minor = self.amount_minor

        currency = self.currency

        provider = self.provider

        provider_ref: None | str
        provider_ref = self.provider_ref

        error_code: None | str
        error_code = self.error_code

        parent_id: int | None
        parent_id = self.parent_id

        fulfilment_no: int | None
        fulfilment_no = self.fulfilment_no

        created_at = self.created_at.isoformat()

        expires_at: None | str
        if isinstance(self.expires_at, datetime.datetime):
            expires_at = self.expires_at.isoformat()
        else:
            expires_at = self.expires_at

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "payment_id": payment_id,
                "kind": kind,
                "purpose": purpose,
                "status": status,
                "amount_minor": amount_minor,
                "currency": currency,
                "provider": provider,
                "provider_ref": provider_ref,
                "error_code": error_code,
                "parent_id": parent_id,
                "fulfilment_no": fulfilment_no,
                "created_at": created_at,
                "expires_at": expires_at,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        payment_id = d.pop("payment_id")

        kind = check_order_payment_kind(d.pop("kind"))

        purpose = check_order_payment_purpose(d.pop("purpose"))

        status = check_order_payment_status(d.pop("status"))

        amount_minor = d.pop("amount_minor")

        currency = d.pop("currency")

        provider = d.pop("provider")

        def _parse_provider_ref(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        provider_ref = _parse_provider_ref(d.pop("provider_ref"))

        def _parse_error_code(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        error_code = _parse_error_code(d.pop("error_code"))

        def _parse_parent_id(data: object) -> int | None:
            if data is None:
                return data
            return cast(int | None, data)

        parent_id = _parse_parent_id(d.pop("parent_id"))

        def _parse_fulfilment_no(data: object) -> int | None:
            if data is None:
                return data
            return cast(int | None, data)

        fulfilment_no = _parse_fulfilment_no(d.pop("fulfilment_no"))

        created_at = datetime.datetime.fromisoformat(d.pop("created_at"))

        def _parse_expires_at(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                expires_at_type_0 = datetime.datetime.fromisoformat(data)

                return expires_at_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        expires_at = _parse_expires_at(d.pop("expires_at"))

        order_payment = cls(
            payment_id=payment_id,
            kind=kind,
            purpose=purpose,
            status=status,
            amount_minor=amount_minor,
            currency=currency,
            provider=provider,
            provider_ref=provider_ref,
            error_code=error_code,
            parent_id=parent_id,
            fulfilment_no=fulfilment_no,
            created_at=created_at,
            expires_at=expires_at,
        )

        order_payment.additional_properties = d
        return order_payment

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
