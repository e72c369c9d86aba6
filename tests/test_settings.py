"""docs/settings.md documents every setting, with its true default, and none that is gone."""

import dataclasses
import re
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, SecretStr
from pydantic_core import PydanticUndefined
from pydantic_settings import BaseSettings

from infra.sandbox.config import SandboxConfig
from infra.settings import Settings

PAGE = (Path(__file__).parent.parent / "docs" / "settings.md").read_text(encoding="utf-8")
PRODUCT, SANDBOX = PAGE.split("## The sandbox process")
ROW = re.compile(r"^\| `(OMS_[A-Z0-9_]+)` \| (?:`([^`]*)`|–) \| (.+) \|$", re.MULTILINE)
VARIABLES = {f"OMS_{name.upper()}": field for name, field in Settings.model_fields.items()}
# What each of the sandbox's variables may be set to, other than its default.
OTHER = {
    "DIR": "/other",
    "HOST": "::1",
    "KNOWN_HOSTS": "sandbox.internal",
    "PORT": "1",
    "WEBHOOK_URL": "http://x",
    "WEBHOOK_SECRET": "whsec_c2VjcmV0",
    "MANUAL_CARRIER": "1",
    "CARRIER_STEP_S": "9",
    "QUIET_TRANSIT": "1",
    "PENDING_S": "9",
    "SLOW_S": "9",
    "SF_CHECKWORD": "other",
    "KUAIDI100_KEY": "other",
}


def documented(part: str) -> dict[str, tuple[str, str]]:
    """{variable: (default, meaning)}; a variable is documented once."""
    rows = [(name, default, meaning) for name, default, meaning in ROW.findall(part)]
    assert len(rows) == len({name for name, *_ in rows}), "documented twice"
    assert len(rows) == part.count("| `OMS_"), "a row that is not understood"
    return {name: (default, meaning) for name, default, meaning in rows}


def default_text(value: Any) -> str:
    """A default as the page shows it."""
    match value:
        case SecretStr():
            return value.get_secret_value()
        case bool():
            return str(value).lower()
        case tuple():
            return str(list(value))
    return str(value)


def test_every_setting_is_documented_and_nothing_else() -> None:
    assert set(documented(PRODUCT)) == set(VARIABLES)


@pytest.mark.parametrize("group", [one for one in Settings.__bases__ if one is not BaseSettings])
def test_a_group_of_settings_is_a_section_of_the_page(group: type[BaseModel]) -> None:
    title = (group.__doc__ or "").rstrip(".")
    (section,) = re.findall(rf"^## {re.escape(title)}\n(.*?)(?=^## )", PRODUCT + "## ", re.MULTILINE | re.DOTALL)
    assert list(documented(section)) == [f"OMS_{name.upper()}" for name in group.model_fields]


@pytest.mark.parametrize("name", sorted(VARIABLES))
def test_a_documented_default_is_the_true_one(name: str) -> None:
    assert VARIABLES[name].default is not PydanticUndefined
    default, meaning = documented(PRODUCT)[name]
    assert default == default_text(VARIABLES[name].default)
    assert len(meaning) > 15


@pytest.mark.parametrize("name", sorted(VARIABLES))
def test_a_secret_is_one_in_both_places(name: str) -> None:
    annotation = str(VARIABLES[name].annotation)
    meaning = documented(PRODUCT)[name][1]
    assert ("SecretStr" in annotation) == ("ecret." in meaning)


def test_every_variable_of_the_sandbox_is_documented_and_nothing_else() -> None:
    assert set(documented(SANDBOX)) == {f"OMS_SANDBOX_{name}" for name in OTHER}
    assert len(OTHER) == len(dataclasses.fields(SandboxConfig))


def test_the_sandbox_reads_each_of_its_variables_and_defaults_to_what_is_documented() -> None:
    needed = {"OMS_SANDBOX_DIR": "/data"}
    plain = SandboxConfig.from_env(needed)
    touched = set()
    for name, value in OTHER.items():
        secret = {"OMS_SANDBOX_WEBHOOK_SECRET": "whsec_c2VjcmV0"} if name == "WEBHOOK_URL" else {}
        reported = SandboxConfig.from_env({**needed, **secret, f"OMS_SANDBOX_{name}": value})
        changed = [f.name for f in dataclasses.fields(plain) if getattr(reported, f.name) != getattr(plain, f.name)]
        own = [field for field in changed if not (secret and field == "webhook_secret")]
        assert len(own) == 1, name
        default = documented(SANDBOX)[f"OMS_SANDBOX_{name}"][0]
        assert default == ("" if name in ("DIR", "KNOWN_HOSTS") else default_text(getattr(plain, own[0]))), name
        touched.add(own[0])
    assert touched == {field.name for field in dataclasses.fields(SandboxConfig)}


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMS_RETURN_WINDOW_S", "7")
    monkeypatch.setenv("OMS_PREVIOUS_MASTER_KEYS", '["a", "b"]')
    read = Settings()
    assert read.return_window_s == 7
    assert [key.get_secret_value() for key in read.previous_master_keys] == ["a", "b"]
    assert "a" not in str(read.previous_master_keys)


@pytest.mark.parametrize("zone", ["Nowhere/Atall", "", "../etc/passwd"])
def test_a_time_zone_that_nobody_knows_ends_the_process_at_once(zone: str) -> None:
    with pytest.raises(ValueError, match="time zone"):
        Settings(portal_time_zone=zone)
