"""The one exception that rules raise; its `code` is stable and reaches HTTP, the console and Temporal UI."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from domain.money import shown
from domain.problems import SENTENCES

Fact = int | str


class RuleBroken(Exception):
    """A request that the rules refuse for good.

    `code` is a stable identifier, `detail` tells the caller what to do (never personal text). `facts` are what programs
    and pages read of it, and fill the detail's `{name}`; an amount is `name_minor` and stands there as `{name}`.
    """

    def __init__(self, code: str, detail: str = "", **facts: Fact) -> None:
        super().__init__(code)
        self.code = code
        self.facts = facts
        self._detail = detail or SENTENCES.get(code) or code.replace("_", " ")

    @property
    def detail(self) -> str:
        """The sentence, its amounts in their currency."""
        return self._detail.format(**formatted(self.facts)) if self.facts else self._detail

    def in_currency(self, currency: str) -> None:
        """Say which currency the amounts are in, where the rule that raised it does not know."""
        if any(name.endswith("_minor") for name in self.facts):
            self.facts.setdefault("currency", currency)


class NotFound(RuleBroken):
    """The thing does not exist, or this caller may not know that it does."""


class Conflict(RuleBroken):
    """The thing exists in a state that excludes the request."""


@contextmanager
def amounts_in(currency: str) -> Iterator[None]:
    """Whatever a rule refuses in here has its amounts in `currency`."""
    try:
        yield
    except RuleBroken as error:
        error.in_currency(currency)
        raise


def formatted(facts: Mapping[str, object], lang: str = "en") -> dict[str, object]:
    """Facts as a sentence has them: names lose the ending _minor, amounts are $56.54, in the reader's language."""
    currency, words = facts.get("currency"), dict(facts)
    for name, value in facts.items():
        if name.endswith("_minor") and isinstance(value, int):
            words[name.removesuffix("_minor")] = _amount(value, currency, lang)
    return words


def _amount(minor: int, currency: object, lang: str) -> str:
    if not isinstance(currency, str):
        return f"{minor} minor units"
    return shown(minor, currency, lang)
