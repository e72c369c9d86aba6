# Generated from openapi.json by openapi-python-client: do not edit. `make client` writes this folder again.
from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define

from ..models.action import Action, check_action
from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.resolve_value_type_0 import ResolveValueType0


T = TypeVar("T", bound="Resolve")


@_attrs_define
class Resolve:
    """
    Attributes:
        action (Action):
        reason (str):
        value (None | ResolveValueType0 | Unset):
        park_no (int | None | Unset):
    """

    action: Action
    reason: str
    value: None | ResolveValueType0 | Unset = UNSET
    park_no: int | None | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        from ..models.resolve_value_type_0 import ResolveValueType0  # noqa: PLC0415

        action: str = self.action

        reason = self.reason

        value: dict[str, Any] | None | Unset
        if isinstance(self.value, Unset):
            value = UNSET
        elif isinstance(self.value, ResolveValueType0):
            value = self.value.to_dict()
        else:
            value = self.value

        park_no: int | None | Unset
        if isinstance(self.park_no, Unset):
            park_no = UNSET
        else:
            park_no = self.park_no

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "action": action,
                "reason": reason,
            }
        )
        if value is not UNSET:
            field_dict["value"] = value
        if park_no is not UNSET:
            field_dict["park_no"] = park_no

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.resolve_value_type_0 import ResolveValueType0  # noqa: PLC0415

        d = dict(src_dict)
        action = check_action(d.pop("action"))

        reason = d.pop("reason")

        def _parse_value(data: object) -> None | ResolveValueType0 | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                value_type_0 = ResolveValueType0.from_dict(data)

                return value_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(None | ResolveValueType0 | Unset, data)

        value = _parse_value(d.pop("value", UNSET))

        def _parse_park_no(data: object) -> int | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(int | None | Unset, data)

        park_no = _parse_park_no(d.pop("park_no", UNSET))

        resolve = cls(
            action=action,
            reason=reason,
            value=value,
            park_no=park_no,
        )

        return resolve
