# Generated from openapi.json by openapi-python-client: do not edit. `make client` writes this folder again.
from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.payment_taken_outcome import PaymentTakenOutcome, check_payment_taken_outcome
from ..models.status import Status, check_status

T = TypeVar("T", bound="PaymentTaken")


@_attrs_define
class PaymentTaken:
    """
    Attributes:
        order_no (str):
        status (Status):
        outcome (PaymentTakenOutcome):
    """

    order_no: str
    status: Status
    outcome: PaymentTakenOutcome
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        order_no = self.order_no

        status: str = self.status

        outcome: str = self.outcome

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "order_no": order_no,
                "status": status,
                "outcome": outcome,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        order_no = d.pop("order_no")

        status = check_status(d.pop("status"))

        outcome = check_payment_taken_outcome(d.pop("outcome"))

        payment_taken = cls(
            order_no=order_no,
            status=status,
            outcome=outcome,
        )

        payment_taken.additional_properties = d
        return payment_taken

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
