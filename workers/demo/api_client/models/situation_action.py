# Generated from openapi.json by openapi-python-client: do not edit. `make client` writes this folder again.
from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

T = TypeVar("T", bound="SituationAction")


@_attrs_define
class SituationAction:
    """
    Attributes:
        action (str):
        code (str):
        label (str):
        consequence (None | str):
    """

    action: str
    code: str
    label: str
    consequence: None | str
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        action = self.action

        code = self.code

        label = self.label

        consequence: None | str
        consequence = self.consequence

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "action": action,
                "code": code,
                "label": label,
                "consequence": consequence,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        action = d.pop("action")

        code = d.pop("code")

        label = d.pop("label")

        def _parse_consequence(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        consequence = _parse_consequence(d.pop("consequence"))

        situation_action = cls(
            action=action,
            code=code,
            label=label,
            consequence=consequence,
        )

        situation_action.additional_properties = d
        return situation_action

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
