# Generated from openapi.json by openapi-python-client: do not edit. `make client` writes this folder again.
from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

if TYPE_CHECKING:
    from ..models.refused_resolution import RefusedResolution


T = TypeVar("T", bound="NeedsAttention")


@_attrs_define
class NeedsAttention:
    """
    Attributes:
        park_no (int):
        step (str):
        subject (None | str):
        error (str):
        since (datetime.datetime):
        attempts (int):
        options (list[str]):
        refused (None | RefusedResolution):
    """

    park_no: int
    step: str
    subject: None | str
    error: str
    since: datetime.datetime
    attempts: int
    options: list[str]
    refused: None | RefusedResolution
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        from ..models.refused_resolution import RefusedResolution  # noqa: PLC0415

        park_no = self.park_no

        step = self.step

        subject: None | str
        subject = self.subject

        error = self.error

        since = self.since.isoformat()

        attempts = self.attempts

        options = self.options

        refused: dict[str, Any] | None
        if isinstance(self.refused, RefusedResolution):
            refused = self.refused.to_dict()
        else:
            refused = self.refused

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "park_no": park_no,
                "step": step,
                "subject": subject,
                "error": error,
                "since": since,
                "attempts": attempts,
                "options": options,
                "refused": refused,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.refused_resolution import RefusedResolution  # noqa: PLC0415

        d = dict(src_dict)
        park_no = d.pop("park_no")

        step = d.pop("step")

        def _parse_subject(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        subject = _parse_subject(d.pop("subject"))

        error = d.pop("error")

        since = datetime.datetime.fromisoformat(d.pop("since"))

        attempts = d.pop("attempts")

        options = cast(list[str], d.pop("options"))

        def _parse_refused(data: object) -> None | RefusedResolution:
            if data is None:
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                refused_type_0 = RefusedResolution.from_dict(data)

                return refused_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(None | RefusedResolution, data)

        refused = _parse_refused(d.pop("refused"))

        needs_attention = cls(
            park_no=park_no,
            step=step,
            subject=subject,
            error=error,
            since=since,
            attempts=attempts,
            options=options,
            refused=refused,
        )

        needs_attention.additional_properties = d
        return needs_attention

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
