"""The vault: what is sealed comes back, and nothing else does."""

import base64
import os
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.security.crypto import Unreadable, Vault, normalised_phone
from infra.settings import Settings

OLD, NEW = os.urandom(32), os.urandom(32)
VAULT = Vault(NEW, [OLD])
DATA_KEY, WRAPPED = VAULT.new_data_key()

contexts = st.text(st.characters(codec="utf-8"), max_size=30)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(st.characters(codec="utf-8")),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(string.ascii_letters), inner, max_size=4),
    max_leaves=10,
)
cn_mobiles = st.from_regex(r"1[3-9][0-9]{9}", fullmatch=True)


@given(st.binary(max_size=500), contexts)
def test_opens_what_it_sealed(plain: bytes, context: str) -> None:
    assert VAULT.open(DATA_KEY, VAULT.seal(DATA_KEY, plain, context), context) == plain


@given(json_values, contexts)
def test_json_comes_back_equal(value: object, context: str) -> None:
    assert VAULT.open_json(DATA_KEY, VAULT.seal_json(DATA_KEY, value, context), context) == value


@given(st.binary(max_size=60), st.data())
def test_one_altered_bit_is_unreadable(plain: bytes, data: st.DataObject) -> None:
    sealed = bytearray(VAULT.seal(DATA_KEY, plain, "c"))
    position = data.draw(st.integers(0, len(sealed) * 8 - 1))
    sealed[position // 8] ^= 1 << position % 8
    with pytest.raises(Unreadable):
        VAULT.open(DATA_KEY, bytes(sealed), "c")


@given(st.binary(max_size=120))
def test_noise_is_unreadable(noise: bytes) -> None:
    with pytest.raises(Unreadable):
        VAULT.open(DATA_KEY, noise, "c")
    with pytest.raises(Unreadable):
        VAULT.unwrap(noise)


@given(contexts, contexts)
def test_another_context_or_key_is_unreadable(context: str, other: str) -> None:
    sealed = VAULT.seal(DATA_KEY, "text", context)
    if other != context:
        with pytest.raises(Unreadable):
            VAULT.open(DATA_KEY, sealed, other)
    with pytest.raises(Unreadable):
        VAULT.open(os.urandom(32), sealed, context)


def test_sealing_twice_never_looks_the_same() -> None:
    assert len({VAULT.seal(DATA_KEY, "text", "c") for _ in range(100)}) == 100


def test_sealed_form_hides_the_text() -> None:
    assert "刘".encode() not in VAULT.seal(DATA_KEY, "刘", "c")
    assert VAULT.open(DATA_KEY, VAULT.seal(DATA_KEY, "刘", "c"), "c").decode() == "刘"


def test_rotation_keeps_the_data_key() -> None:
    plain, wrapped = Vault(OLD).new_data_key()
    assert VAULT.unwrap(wrapped) == plain
    with pytest.raises(Unreadable, match="missing"):
        Vault(NEW).unwrap(wrapped)


def test_altered_wrapped_key_is_unreadable() -> None:
    for position in range(len(WRAPPED)):
        altered = bytearray(WRAPPED)
        altered[position] ^= 1
        with pytest.raises(Unreadable):
            VAULT.unwrap(bytes(altered))


@given(cn_mobiles)
def test_a_chinese_number_has_one_index(number: str) -> None:
    spellings = [
        number, f"+86{number}", f"86{number}", f"0086 {number}", f" (+86) {number[:3]}-{number[3:7]}-{number[7:]} ",
        f"+86 {number[:3]} {number[3:]}", "".join(chr(ord(c) + 0xFEE0) for c in number),
    ]  # fmt: skip
    assert len({VAULT.blind_index("phone", spelling) for spelling in spellings}) == 1


@given(cn_mobiles, cn_mobiles)
def test_different_numbers_have_different_indexes(one: str, other: str) -> None:
    assert (VAULT.blind_index("phone", one) == VAULT.blind_index("phone", other)) == (one == other)


def test_phone_examples() -> None:
    assert {normalised_phone(p) for p in ("+86 138-0013-8000", "13800138000", "8613800138000")} == {"8613800138000"}
    assert normalised_phone("+44 20 7946 0958") == normalised_phone("442079460958") == "442079460958"
    assert normalised_phone("+1 310 555 1234") == "13105551234" != normalised_phone("13105551234")


@given(st.text())
def test_any_text_can_be_indexed_as_phone(text: str) -> None:
    assert normalised_phone(text).strip(string.digits) == ""


@given(st.emails())
def test_email_ignores_case_and_surrounding_space(email: str) -> None:
    assert VAULT.blind_index("email", f" {email.upper()}\n") == VAULT.blind_index("email", email.lower())


def test_index_depends_on_kind_and_master_key() -> None:
    assert VAULT.blind_index("email", "1") != VAULT.blind_index("phone", "1")
    assert VAULT.blind_indexes("email", "a@b.c") == [Vault(k).blind_index("email", "a@b.c") for k in (NEW, OLD)]
    assert len(set(VAULT.blind_indexes("email", "a@b.c"))) == 2


def test_built_from_settings() -> None:
    encoded = [base64.b64encode(key).decode() for key in (NEW, OLD)]
    settings = Settings(master_key=encoded[0], previous_master_keys=[encoded[1]])
    assert Vault.from_settings(settings).unwrap(WRAPPED) == DATA_KEY


@pytest.mark.parametrize("key", ["", "short", "!!", base64.b64encode(b"x" * 16).decode()])
def test_a_bad_master_key_is_refused_without_being_quoted(key: str) -> None:
    with pytest.raises(ValueError, match="a master key") as caught:
        Vault.from_settings(Settings(master_key=key))
    assert not key or key not in str(caught.value)
