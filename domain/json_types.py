"""JSON whose shape is known to whoever wrote it, and not to the type checker."""

from collections.abc import Mapping
from typing import Any, TypeAlias

JsonValue: TypeAlias = Any
JsonObject: TypeAlias = Mapping[str, Any]
# One that is being built or changed.
JsonFields: TypeAlias = dict[str, Any]
