"""Text of pages that escapes what fills it."""

from markupsafe import Markup, escape


class Filled(Markup):
    """As Markup, whose `format` reads each placeholder in Python: this one escapes the values, then fills them in at
    once. Its texts have no format specifications."""

    __slots__ = ()

    def format(self, *args: object, **values: object) -> "Filled":
        """The text with its escaped values."""
        escaped = {name: escape(value) for name, value in values.items()}
        return Filled(str.format(self, *map(escape, args), **escaped))
