# Generated from openapi.json by openapi-python-client: do not edit. `make client` writes this folder again.
from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.owner import Owner, check_owner
from ..models.state import State, check_state

if TYPE_CHECKING:
    from ..models.situation_action import SituationAction


T = TypeVar("T", bound="Situation")


@_attrs_define
class Situation:
    """
    Attributes:
        state (State):
        sentence (str):
        code (str):
        owner (None | Owner):
        until (datetime.datetime | None):
        then (None | str):
        actions (list[SituationAction]):
    """

    state: State
    sentence: str
    code: str
    owner: None | Owner
    until: datetime.datetime | None
    then: None | str
    actions: list[SituationAction]
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        state: str = self.state

        sentence = self.sentence

        code = self.code

        owner: None | str
        if isinstance(self.owner, str):
            owner = self.owner
        else:
            owner = self.owner

        until: None | str
        if isinstance(self.until, datetime.datetime):
            until = self.until.isoformat()
        else:
            until = self.until

        then: None | str
        then = self.then

        actions = []
        for actions_item_data in self.actions:
            actions_item = actions_item_data.to_dict()
            actions.append(actions_item)

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "state": state,
                "sentence": sentence,
                "code": code,
                "owner": owner,
                "until": until,
                "then": then,
                "actions": actions,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.situation_action import SituationAction  # noqa: PLC0415

        d = dict(src_dict)
        state = check_state(d.pop("state"))

        sentence = d.pop("sentence")

        code = d.pop("code")

        def _parse_owner(data: object) -> None | Owner:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                owner_type_0 = check_owner(data)

                return owner_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(None | Owner, data)

        owner = _parse_owner(d.pop("owner"))

        def _parse_until(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                until_type_0 = datetime.datetime.fromisoformat(data)

                return until_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        until = _parse_until(d.pop("until"))

        def _parse_then(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        then = _parse_then(d.pop("then"))

        actions = []
        _actions = d.pop("actions")
        for actions_item_data in _actions:
            actions_item = SituationAction.from_dict(actions_item_data)

            actions.append(actions_item)

        situation = cls(
            state=state,
            sentence=sentence,
            code=code,
            owner=owner,
            until=until,
            then=then,
            actions=actions,
        )

        situation.additional_properties = d
        return situation

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
