"""What is visible, what is one line, and what a path can carry."""

import pytest

from domain.text import is_identifier, is_line, is_visible

INVISIBLE = [
    " ",
    "\t",
    "\n",
    "\u00a0",
    "\u3000",
    "\u200b",
    "\u200d\u2060",
    "\ufeff",
    "\u00ad",
    "\u202e",
    "\u2066\u2069",
]
INVISIBLE += ["\u3164", "\u2800", "\ufe0f", "\u115f \u1160", "\ue000", " \u200b\n"]
NAMES = ["Li", "李雷", "O’Neil", "👨‍👩‍👧", "می‌خواهم", "é", "-", "0"]


@pytest.mark.parametrize("text", ["", *INVISIBLE])
def test_spaces_and_signs_that_show_nothing_are_no_text(text: str) -> None:
    assert not is_visible(text) and not is_line(text) and not is_identifier(text)


@pytest.mark.parametrize("text", NAMES)
def test_names_of_every_script_are_text(text: str) -> None:
    assert is_visible(text) and is_line(text) and is_line(f" {text} ")


@pytest.mark.parametrize("text", ["a\x00b", "a\nb", "a\u202eb", "a\u2068b\u2069", "a\u2028b", "\x1b[2J"])
def test_a_line_has_no_control_character_and_keeps_its_direction(text: str) -> None:
    assert not is_line(text)


@pytest.mark.parametrize("text", [".", "..", "a/b", "/", "a\\b", " a", "a ", "a\u200bb", "a\u00a0b", "a\ufe0f", "a\nb"])
def test_what_a_path_cannot_carry_is_no_identifier(text: str) -> None:
    assert not is_identifier(text)


@pytest.mark.parametrize(
    "text", ["A-1", "...", ".a", "a b", "50%", "%2F", "a?b#c", "茶-1", "a;b=c", "a+b&c", "~", "a:b@c"]
)
def test_odd_identifiers_that_a_path_can_carry(text: str) -> None:
    assert is_identifier(text)
