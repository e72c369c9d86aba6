"""How many examples a property on real servers is tried with: few in `make test`, many in `make torture`.

Each example costs statements, so the numbers are per property. Properties of pure functions need none of this: the
profiles in tests/conftest.py hold for them.
"""

import os
from typing import Any

from hypothesis import settings

MANY = 200


def few(examples: int, **more: Any) -> settings:
    """`examples` in `make test`, two hundred in `make torture`."""
    return settings(max_examples=MANY if "OMS_TORTURE" in os.environ else examples, deadline=None, **more)
