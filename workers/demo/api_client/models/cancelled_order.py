# Generated from openapi.json by openapi-python-client: do not edit. `make client` writes this folder again.
from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.status import Status, check_status

if TYPE_CHECKING:
    from ..models.waiting_for import WaitingFor


T = TypeVar("T", bound="CancelledOrder")


@_attrs_define
class CancelledOrder:
    """
    Attributes:
        order_no (str):
        status (Status):
        waiting_for (None | WaitingFor):
    """

    order_no: str
    status: Status
    waiting_for: None | WaitingFor
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        from ..models.waiting_for import WaitingFor  # noqa: PLC0415

        order_no = self.order_no

        status: str = self.status

        waiting_for: dict[str, Any] | None
        if isinstance(self.waiting_for, WaitingFor):
            waiting_for = self.waiting_for.to_dict()
        else:
            waiting_for = self.waiting_for

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "order_no": order_no,
                "status": status,
                "waiting_for": waiting_for,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.waiting_for import WaitingFor  # noqa: PLC0415

        d = dict(src_dict)
        order_no = d.pop("order_no")

        status = check_status(d.pop("status"))

        def _parse_waiting_for(data: object) -> None | WaitingFor:
            if data is None:
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                waiting_for_type_0 = WaitingFor.from_dict(data)

                return waiting_for_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(None | WaitingFor, data)

        waiting_for = _parse_waiting_for(d.pop("waiting_for"))

        cancelled_order = cls(
            order_no=order_no,
            status=status,
            waiting_for=waiting_for,
        )

        cancelled_order.additional_properties = d
        return cancelled_order

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
