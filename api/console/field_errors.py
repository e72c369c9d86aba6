"""What a refusal says about each field of a form, in the reader's language."""

from collections.abc import Mapping

from api.console.i18n import LANGUAGES, WORDS
from api.errors import Problem

# Refusals of one field, by their code.
_FIELD_OF: Mapping[str, str] = {
    "reason_missing": "reason",
    "amount_invalid": "amount",
    "refund_exceeds_captured": "amount",
    "invalid_timeout": "timeout_s",
    "unknown_owner": "owner",
    "unknown_location": "location",
    "location_closed": "location",
    "ships_from_there": "warehouse",
}
# The words for what a model found, by the beginning of its code.
_KINDS = ("missing", "string_too_short", "string_too_long", "string_pattern_mismatch")


def field_errors(problem: Problem, lang: str) -> dict[str, str]:
    """{field: words}; of fields inside `value` and `ship_to` both the whole path and the last name are keys."""
    found: dict[str, str] = {}
    for error in problem.errors:
        path = str(error["field"])
        words = _words(str(error["code"]), problem, lang)
        for name in (path, path.rpartition(".")[2], f"value.{path}", f"ship_to.{path}"):
            found.setdefault(name, words)
    if (one := _FIELD_OF.get(problem.code)) is not None:
        found.setdefault(one, said(problem, lang))
    return found


def said(problem: Problem, lang: str) -> str:
    """The refusal in one sentence; what only the API explains is in English."""
    if problem.code == "validation_failed" and problem.errors:
        return WORDS.speaker(lang)("form.check")
    if explained := WORDS.explanation(lang, problem.code, problem.facts):
        return explained
    return str(problem.detail) if lang == "en" else WORDS.code_words(lang, "problem", problem.code)


def _words(code: str, problem: Problem, lang: str) -> str:
    kind = next((kind for kind in _KINDS if code.startswith(kind)), code)
    known = WORDS.catalogue().get(f"field_error.{kind}")
    return known[LANGUAGES.index(lang)] if known else said(problem, lang)
