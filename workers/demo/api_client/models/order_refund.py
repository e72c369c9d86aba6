# Generated from openapi.json by openapi-python-client: do not edit. `make client` writes this folder again.
from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.origin import Origin, check_origin

T = TypeVar("T", bound="OrderRefund")


@_attrs_define
class OrderRefund:
    """
    Attributes:
        refund_id (str):
        refund_no (int):
        origin (Origin):
        return_id (None | str):
        amount_minor (int):
        currency (str):
        status (str):
        created_at (datetime.datetime):
        pending_since (datetime.datetime | None):
        failed_since (datetime.datetime | None):
    """

    refund_id: str
    refund_no: int
    origin: Origin
    return_id: None | str
    amount_minor: int
    currency: str
    status: str
    created_at: datetime.datetime
    pending_since: datetime.datetime | None
    failed_since: datetime.datetime | None
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        refund_id = self.refund_id

        refund_no = self.refund_no

        origin: str = self.origin

        return_id: None | str
        return_id = self.return_id

        amount_minor = self.amount_minor

        currency = self.currency

        status = self.status

        created_at = self.created_at.isoformat()

        pending_since: None | str
        if isinstance(self.pending_since, datetime.datetime):
            pending_since = self.pending_since.isoformat()
        else:
            pending_since = self.pending_since

        failed_since: None | str
        if isinstance(self.failed_since, datetime.datetime):
            failed_since = self.failed_since.isoformat()
        else:
            failed_since = self.failed_since

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "refund_id": refund_id,
                "refund_no": refund_no,
                "origin": origin,
                "return_id": return_id,
                "amount_minor": amount_minor,
                "currency": currency,
                "status": status,
                "created_at": created_at,
                "pending_since": pending_since,
                "failed_since": failed_since,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        refund_id = d.pop("refund_id")

        refund_no = d.pop("refund_no")

        origin = check_origin(d.pop("origin"))

        def _parse_return_id(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        return_id = _parse_return_id(d.pop("return_id"))

        amount_minor = d.pop("amount_minor")

        currency = d.pop("currency")

        status = d.pop("status")

        created_at = datetime.datetime.fromisoformat(d.pop("created_at"))

        def _parse_pending_since(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                pending_since_type_0 = datetime.datetime.fromisoformat(data)

                return pending_since_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        pending_since = _parse_pending_since(d.pop("pending_since"))

        def _parse_failed_since(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                failed_since_type_0 = datetime.datetime.fromisoformat(data)

                return failed_since_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        failed_since = _parse_failed_since(d.pop("failed_since"))

        order_refund = cls(
            refund_id=refund_id,
            refund_no=refund_no,
            origin=origin,
            return_id=return_id,
            amount_minor=amount_minor,
            currency=currency,
            status=status,
            created_at=created_at,
            pending_since=pending_since,
            failed_since=failed_since,
        )

        order_refund.additional_properties = d
        return order_refund

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
