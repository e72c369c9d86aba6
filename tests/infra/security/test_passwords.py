"""Passwords of staff."""

from argon2 import extract_parameters

from infra.security import passwords


def test_a_name_that_nobody_has_costs_as_much_as_a_wrong_password() -> None:
    hashed = passwords.hashed("correct horse battery")
    assert extract_parameters(passwords._NOBODYS) == extract_parameters(hashed)
    assert passwords.matches(hashed, "correct horse battery")
    assert not passwords.matches(None, "correct horse battery")
