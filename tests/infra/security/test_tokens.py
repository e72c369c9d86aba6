"""Bearer tokens: only what we signed, for us, in time, is accepted."""

import base64
import json
import secrets
import time

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from domain.access import Principal, Role
from infra.security import tokens
from infra.security.tokens import TokenExpired, TokenInvalid, issue, verify

SECRET = "s" * 40
CUSTOMER_TOKEN = issue(SECRET, Role.CUSTOMER, "c-1", 600)
VALID = {"sub": "u", "role": "support", "aud": "oms", "iat": int(time.time()), "exp": int(time.time()) + 600}


def _unsigned(header: dict[str, str], claims: dict[str, object]) -> str:
    parts = (base64.urlsafe_b64encode(json.dumps(p).encode()).rstrip(b"=").decode() for p in (header, claims))
    return ".".join(parts) + "."


@pytest.mark.parametrize("role", list(Role))
def test_says_who_the_bearer_is(role: Role) -> None:
    assert verify(SECRET, issue(SECRET, role, "u-1", 60)) == Principal(role, "u-1")
    assert verify(SecretStr(SECRET), issue(SecretStr(SECRET), role.value, "u-1", 60)) == Principal(role, "u-1")


def test_a_customer_token_speaks_for_the_customer() -> None:
    assert verify(SECRET, issue(SECRET, Role.CUSTOMER, "cli", 60, customer="c-9")) == Principal(Role.CUSTOMER, "c-9")
    assert verify(SECRET, issue(SECRET, Role.SUPPORT, "cli", 60, customer="c-9")) == Principal(Role.SUPPORT, "cli")


def test_an_expired_token_is_distinguished() -> None:
    with pytest.raises(TokenExpired):
        verify(SECRET, issue(SECRET, Role.SUPPORT, "u", -1))


def test_a_token_verified_before_expires_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    token = issue(SECRET, Role.SUPPORT, "u", 60)
    assert verify(SECRET, token).subject == "u"
    later = time.time() + 61
    monkeypatch.setattr("infra.security.tokens.time.time", lambda: later)
    with pytest.raises(TokenExpired):
        verify(SECRET, token)


@pytest.mark.parametrize(
    "change",
    [
        {"aud": "other"}, {"aud": None}, {"role": "root"}, {"role": None}, {"role": ["admin"]}, {"sub": None},
        {"sub": 7}, {"exp": None}, {"exp": "soon"}, {"iat": None}, {"iat": int(time.time()) + 3600},
    ],
)  # fmt: skip
def test_a_signed_token_with_wrong_claims_is_refused(change: dict[str, object]) -> None:
    claims = {k: v for k, v in {**VALID, **change}.items() if v is not None}
    with pytest.raises(TokenInvalid):
        verify(SECRET, jwt.PyJWS().encode(json.dumps(claims).encode(), SECRET, "HS256"))


def test_another_secret_is_refused() -> None:
    with pytest.raises(TokenInvalid):
        verify(SECRET, issue("t" * 40, Role.ADMIN, "u", 60))


@pytest.mark.parametrize("algorithm", ["none", "None", "HS256", "RS256"])
def test_an_unsigned_token_is_refused(algorithm: str) -> None:
    with pytest.raises(TokenInvalid):
        verify(SECRET, _unsigned({"alg": algorithm, "typ": "JWT"}, VALID))


@pytest.mark.parametrize("algorithm", ["HS384", "HS512"])
def test_the_algorithm_is_pinned(algorithm: str) -> None:
    with pytest.raises(TokenInvalid):
        verify("s" * 64, jwt.encode(VALID, "s" * 64, algorithm))


@given(st.text(max_size=200) | st.text("abc.=-_", max_size=200))
def test_noise_is_refused(text: str) -> None:
    with pytest.raises(TokenInvalid):
        verify(SECRET, text)


@given(st.data())
def test_one_altered_character_is_refused(data: st.DataObject) -> None:
    token = CUSTOMER_TOKEN
    # The last character of a base64url part carries spare bits, so it is left alone.
    position = data.draw(st.sampled_from([i for i in range(len(token) - 1) if token[i] != "."]))
    replacement = data.draw(st.sampled_from([c for c in "ABCxyz019" if c != token[position]]))
    with pytest.raises(TokenInvalid):
        verify(SECRET, token[:position] + replacement + token[position + 1 :])


def test_a_huge_token_is_refused_unread() -> None:
    with pytest.raises(TokenInvalid, match="too long"):
        verify(SECRET, "a" * 1_000_000)


def test_bad_arguments_are_refused() -> None:
    for secret, role, subject in (("short", "admin", "u"), (SECRET, "root", "u"), (SECRET, "admin", "")):
        with pytest.raises(ValueError, match=r"secret|Role|subject"):
            issue(secret, role, subject, 60)


def test_a_good_token_is_decoded_once() -> None:
    token = issue(SECRET, Role.SUPPORT, secrets.token_hex(8), 60)  # no other test has seen it
    before = tokens._decoded.cache_info()
    for _ in range(3):
        verify(SECRET, token)
    after = tokens._decoded.cache_info()
    assert (after.misses - before.misses, after.hits - before.hits) == (1, 2)
