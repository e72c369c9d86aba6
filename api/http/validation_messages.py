"""What a model found wrong with a field, in words: what is allowed, never what was sent."""

from pydantic_core import ErrorDetails

from api.schemas.fields import LINE, PROSE
from domain.access import STAFF_NAME, STAFF_NAME_RULE
from domain.products import LANGUAGE_TAG

_NO_CONTROL = "must not contain control characters, nor marks that turn its direction"
_PATTERNS = {
    LINE: _NO_CONTROL,
    PROSE: _NO_CONTROL,
    r"^[A-Z]{3}$": "must be a currency of ISO 4217 in three capital letters, like USD",
    r"^[A-Z]{2}$": "must be a country of ISO 3166 in two capital letters, like CN",
    r"^[a-z][a-z_]{0,63}$": "must be the type of an event, like order_placed",
    r"^[0-9A-Za-z][0-9A-Za-z-]{3,29}$": "must be 4 to 30 letters, digits and hyphens",
    r"^[\x21-\x7e]*$": "must be visible ASCII characters without spaces",
    LANGUAGE_TAG: "must be the tag of a language, like en or zh-Hant",
    STAFF_NAME: f"must be {STAFF_NAME_RULE}",
    r"^[A-Za-z0-9_-]+$": "must be letters, digits, hyphens and underscores",
}
# By pydantic's kind of error; `{name}` is of its context.
_KINDS = {
    "missing": "is needed",
    "extra_forbidden": "is not known here; leave it out",
    "string_type": "must be a text",
    "string_unicode": "must be well-formed Unicode",
    "string_too_long": "must have at most {max_length} characters",
    "string_too_short": "must have at least {min_length} characters",
    "too_long": "must have at most {max_length} entries",
    "too_short": "must have at least {min_length} entries",
    "greater_than": "must be more than {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than": "must be less than {lt}",
    "less_than_equal": "must be at most {le}",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_parsing_size": "must be a smaller number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "finite_number": "must be a finite number",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "list_type": "must be a list",
    "dict_type": "must be an object",
    "model_type": "must be an object",
    "model_attributes_type": "must be an object",
    "literal_error": "must be {expected}",
    "enum": "must be {expected}",
    "datetime_type": "must be a date and time like 2026-03-01T09:00:00+08:00",
    "datetime_parsing": "must be a date and time like 2026-03-01T09:00:00+08:00",
    "datetime_from_date_parsing": "must be a date and time like 2026-03-01T09:00:00+08:00",
    "date_from_datetime_parsing": "must be a date like 2026-03-01",
    "timezone_aware": "must name its offset, like 2026-03-01T09:00:00+08:00",
}


def words(error: ErrorDetails) -> str:
    """What is expected of the field, to be read behind its name."""
    context = {str(name): value for name, value in (error.get("ctx") or {}).items()}
    if error["type"] == "string_pattern_mismatch" and (pattern_text := _PATTERNS.get(str(context.get("pattern")))):
        return pattern_text
    if error["type"] in ("string_too_short", "too_short") and context.get("min_length") == 1:
        return "must not be empty"
    if (sentence := _KINDS.get(error["type"])) is not None:
        return sentence.format(**context)
    plain = error["msg"].removeprefix("Value error, ").replace("Input should be", "must be")
    return plain[:1].lower() + plain[1:]
