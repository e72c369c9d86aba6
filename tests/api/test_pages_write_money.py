"""Pages write amounts through one function: no template shows minor units as they are."""

import re
from pathlib import Path

API = Path(__file__).parents[2] / "api"
# An expression that ends in minor units and passes through none of the functions that know decimals.
_BARE = re.compile(r"\{\{(?:(?!\}\}|\|money|\|written|cash\().)*_minor\s*\}\}")


def test_no_template_shows_bare_minor_units() -> None:
    assert _BARE.search("{{ order.total_minor }}") and not _BARE.search("{{ order.total_minor|money(order.currency) }}")
    found = [f"{page}: {hit[0]}" for page in API.rglob("*.html") for hit in _BARE.finditer(shown(page.read_text()))]
    assert not found


def shown(page: str) -> str:
    """The template without fields that nobody sees."""
    return re.sub(r'<input type="hidden"[^>]*>', "", page)
