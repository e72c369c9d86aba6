"""Passwords of staff."""

import pytest
from argon2 import extract_parameters
from argon2.profiles import RFC_9106_LOW_MEMORY

from infra.security import passwords
from tests.cheap_passwords import IN_A_SHOP


@pytest.fixture
def in_a_shop(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in IN_A_SHOP.items():
        monkeypatch.setattr(passwords, name, value)


def test_a_name_that_nobody_has_costs_as_much_as_a_wrong_password(in_a_shop: None) -> None:
    hashed = passwords.hashed("correct horse battery")
    assert extract_parameters(hashed) == RFC_9106_LOW_MEMORY
    assert extract_parameters(passwords._NOBODYS) == extract_parameters(hashed)
    assert passwords.matches(hashed, "correct horse battery")
    assert not passwords.matches(None, "correct horse battery")
