"""Settings are checked before anything starts: a line for each problem that names the variable and says what to do."""

import base64
import os
import subprocess
import sys
from pathlib import Path

import pytest

from infra import settings_check
from infra.settings_check import NEEDS, known_names
from workers import checked_settings

OMS = (sys.executable, "-P", "-m", "workers.cli")
KEY = base64.b64encode(b"k" * 32).decode()
COMPLETE = {
    "OMS_DATABASE_URL": "postgresql://oms_app:pw@127.0.0.1:1/oms",
    "OMS_OWNER_DATABASE_URL": "postgresql://owner:pw@127.0.0.1:1/oms",
    "OMS_TOKEN_SECRET": "t" * 40,
    "OMS_MASTER_KEY": KEY,
    "OMS_SANDBOX_WEBHOOK_SECRET": "whsec_c2VjcmV0",
}
STRIPE = {"OMS_STRIPE_API_KEY": "sk", "OMS_STRIPE_WEBHOOK_SECRET": "whsec_x"}
COMMANDS = ("api", "worker", "relay", "migrate", "sandbox", "recover", "up", "demo", "doctor")
WITH_DATABASE = ("ledger check", "audit verify", "audit anchor", "audit access", "staff list", "token --role support")


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in [name for name in os.environ if name.startswith("OMS_")]:
        monkeypatch.delenv(name)
    for name, value in COMPLETE.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


def lines_of(capsys: pytest.CaptureFixture[str], command: str) -> list[str]:
    code = checked_settings.settings_for(command)
    lines = capsys.readouterr().err.splitlines()
    assert code == (2 if [line for line in lines if not line.startswith("warning")] else 0)
    return lines


@pytest.mark.parametrize("command", NEEDS)
def test_complete_settings_are_accepted(capsys: pytest.CaptureFixture[str], command: str) -> None:
    assert lines_of(capsys, command) == []


@pytest.mark.parametrize(
    ("command", "changes", "line"),
    [
        ("api", {"OMS_TOKEN_SECRET": None}, "OMS_TOKEN_SECRET: not set; make one with: openssl"),
        ("api", {"OMS_TOKEN_SECRET": "short"}, "OMS_TOKEN_SECRET: has 5 bytes, 32 are needed"),
        ("api", {"OMS_MASTER_KEY": None}, "OMS_MASTER_KEY: not set; make one with: openssl"),
        ("worker", {"OMS_MASTER_KEY": "no base64!"}, "OMS_MASTER_KEY: must be 32 bytes in base64"),
        ("relay", {"OMS_MASTER_KEY": KEY[:20]}, "OMS_MASTER_KEY: must be 32 bytes in base64"),
        ("api", {"OMS_PREVIOUS_MASTER_KEYS": f'["{KEY[:8]}"]'}, "OMS_PREVIOUS_MASTER_KEYS: must be a JSON list of"),
        ("api", {"OMS_PREVIOUS_MASTER_KEYS": KEY}, "OMS_PREVIOUS_MASTER_KEYS: it must be a JSON list"),
        ("books", {"OMS_DATABASE_URL": "mysql://a:pw@h/oms"}, "OMS_DATABASE_URL: must have the form postgresql://"),
        ("books", {"OMS_DATABASE_URL": "postgresql://u:pw@h"}, "OMS_DATABASE_URL: must have the form postgresql://"),
        ("migrate", {"OMS_OWNER_DATABASE_URL": None}, "OMS_OWNER_DATABASE_URL: not set"),
        ("worker", {"OMS_TEMPORAL_ADDRESS": "http://h"}, "OMS_TEMPORAL_ADDRESS: 'http://h' does not do; it must be"),
        ("api", {"OMS_PORTAL_URL": "shop.example"}, "OMS_PORTAL_URL: must begin with http:// or https://"),
        ("api", {"OMS_OTLP_ENDPOINT": "https://h:port"}, "OMS_OTLP_ENDPOINT: must begin with http"),
        ("api", {"OMS_PAYMENT_PROVIDER": "paypal"}, "OMS_PAYMENT_PROVIDER: 'paypal' does not do; it must be 'sandbox'"),
        ("relay", {"OMS_SMS_PROVIDER": "sns"}, "OMS_SMS_PROVIDER: 'sns' does not do; it must be 'sandbox' or 'none'"),
        ("api", {"OMS_DB_POOL_SIZE": "0"}, "OMS_DB_POOL_SIZE: '0' does not do; it must be at least 1"),
        ("api", {"OMS_API_PORT": "70000"}, "OMS_API_PORT: '70000' does not do; it must be at most 65535"),
        ("worker", {"OMS_GATEWAY_BACKOFF_S": "16"}, "OMS_GATEWAY_BACKOFF_S: '16' does not do; it must be at most 15"),
        ("api", {"OMS_RETURN_WINDOW_S": "-1"}, "OMS_RETURN_WINDOW_S: '-1' does not do; it must be at least 0"),
        ("api", {"OMS_RETURN_WINDOW_S": "7d"}, "OMS_RETURN_WINDOW_S: '7d' does not do; it must be a whole number"),
        ("api", {"OMS_TAX_INCLUDED": "perhaps"}, "OMS_TAX_INCLUDED: 'perhaps' does not do; it must be true or false"),
        ("api", {"OMS_LOG_LEVEL": "loud"}, "OMS_LOG_LEVEL: 'loud' does not do; it must be one of DEBUG"),
        ("api", {"OMS_PORTAL_TIME_ZONE": "Mars"}, "OMS_PORTAL_TIME_ZONE: 'Mars' does not do; it must be the IANA"),
        ("worker", {"OMS_SANDBOX_WEBHOOK_SECRET": None}, "OMS_SANDBOX_WEBHOOK_SECRET: not set"),
        ("api", {"OMS_SANDBOX_WEBHOOK_SECRET": "x"}, "OMS_SANDBOX_WEBHOOK_SECRET: must be whsec_"),
        ("api", {"OMS_SANDBOX_URL": ""}, "OMS_SANDBOX_URL: not set; name the sandbox's address"),
        ("api", {"OMS_STRIPE_API_KEY": "sk"}, "OMS_STRIPE_WEBHOOK_SECRET: not set"),
        ("api", {"OMS_STRIPE_WEBHOOK_SECRET": "x"}, "OMS_STRIPE_API_KEY: not set, but OMS_STRIPE_WEBHOOK_SECRET is"),
        ("up", {**STRIPE, "OMS_PAYMENT_PROVIDER": "stripe", "OMS_STRIPE_API_KEY": None}, "OMS_STRIPE_API_KEY: not set"),
        ("api", {"OMS_CARRIER": "ups"}, "OMS_UPS_CLIENT_SECRET: not set; UPS needs OMS_UPS_CLIENT_ID, "),
        ("relay", {"OMS_EMAIL_PROVIDER": "smtp"}, "OMS_SMTP_HOST: not set, but OMS_EMAIL_PROVIDER is smtp"),
        ("relay", {"OMS_SMTP_HOST": "mail"}, "OMS_SMTP_FROM: not set"),
        ("relay", {"OMS_SMTP_USER": "me"}, "OMS_SMTP_PASSWORD: not set, but OMS_SMTP_USER is"),
    ],
)
def test_each_problem_is_one_line_that_names_the_variable_and_the_remedy(
    environment: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    command: str,
    changes: dict[str, str | None],
    line: str,
) -> None:
    for name, value in changes.items():
        environment.setenv(name, value) if value is not None else environment.delenv(name, raising=False)
    lines = lines_of(capsys, command)
    assert [found for found in lines if found.startswith(line)], lines
    assert len({found.split(":")[0] for found in lines}) == len(lines), "one line for each variable"


def test_all_problems_are_said_at_once(environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    wrong = {"OMS_DB_POOL_SIZE": "x", "OMS_TOKEN_SECRET": "s", "OMS_MASTER_KEY": "s", "OMS_DATABASE_URL": "oms"}
    for name, value in wrong.items():
        environment.setenv(name, value)
    assert {line.split(":")[0] for line in lines_of(capsys, "api")} == set(wrong)


def test_no_secret_and_no_password_is_shown(
    environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    canary = "c4n4ry"
    for name in ("OMS_TOKEN_SECRET", "OMS_MASTER_KEY", "OMS_PREVIOUS_MASTER_KEYS", "OMS_SANDBOX_WEBHOOK_SECRET"):
        environment.setenv(name, canary)
    environment.setenv("OMS_DATABASE_URL", f"mysql://oms:{canary}@h/oms")
    output = lines_of(capsys, "api")
    assert len(output) == 5
    assert canary not in "".join(output)


def test_an_unknown_variable_is_warned_about_with_the_nearest_name(
    environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    environment.setenv("OMS_RETRUN_WINDOW_S", "5")
    environment.setenv("OMS_QQQQ", "5")
    lines = lines_of(capsys, "api")
    assert "warning: OMS_RETRUN_WINDOW_S is not a setting and is ignored; did you mean OMS_RETURN_WINDOW_S?" in lines
    assert "warning: OMS_QQQQ is not a setting and is ignored; docs/settings.md lists them" in lines


def test_every_variable_that_the_source_reads_is_known() -> None:
    """So that none of ours is warned about."""
    read = subprocess.run(
        [
            "grep",
            "-rhoE",
            'environ(\\.get\\(|\\[)"OMS_[A-Z_]+',
            "--include=*.py",
            "infra",
            "api",
            "workers",
            "activities",
        ],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(settings_check.__file__).parent.parent,
    )
    assert {line.rpartition('"')[2] for line in read.stdout.splitlines()} <= known_names()


def test_migrations_without_a_database_say_so_in_one_line() -> None:
    """COMPLETE names a port of this machine on which nothing listens."""
    completed = subprocess.run([*OMS, "migrate"], env=dict(os.environ), capture_output=True, text=True, check=False)
    assert (completed.returncode, completed.stdout) == (1, "")
    assert completed.stderr.startswith("Nothing was migrated: connection failed"), completed.stderr
    assert completed.stderr.endswith("failed: Connection refused (OMS_OWNER_DATABASE_URL)\n")


def test_every_command_ends_with_2_in_words_and_without_a_traceback(tmp_path: Path) -> None:
    wrong = {**os.environ, "OMS_DB_POOL_SIZE": "none", "OMS_SANDBOX_PORT": "none", "OMS_SANDBOX_URLL": "x"}
    begun = {}
    for command in (*COMMANDS, *WITH_DATABASE):
        where = () if command in ("api", "worker", "relay", "migrate", "sandbox") else ("--data-dir", str(tmp_path))
        argv = [*OMS, *command.split(), *where]
        begun[command] = subprocess.Popen(argv, env=wrong, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    for command, process in begun.items():
        out, err = process.communicate(timeout=60)
        named = "OMS_SANDBOX_PORT: must be" if command == "sandbox" else "OMS_DB_POOL_SIZE: 'none' does not do"
        assert (process.returncode, out) == (2, ""), (command, err)
        assert named in err, command
        assert "OMS_SANDBOX_URLL is not a setting and is ignored; did you mean OMS_SANDBOX_URL?" in err
        assert "Traceback" not in err
