"""Picking what an answer shows of a typed value."""

from pydantic import BaseModel


def shown_as(model: type[BaseModel], value: object) -> dict[str, object]:
    """The attributes of `value` that the response model has."""
    return {name: getattr(value, name) for name in model.model_fields}
