"""A process with another master key than the books have ends before it seals anything under it."""

import sys
import threading
import time

from infra.db.errors import DriverError
from infra.db.system import master_keys
from infra.security.crypto import Vault
from infra.settings import Settings
from workers.checked_settings import WRONG_SETTINGS
from workers.cli import environment

# So long a start waits for the books to answer; after that it goes on, and is ended as soon as they say no.
WAIT_S, RETRY_S = 8.0, 2.0


def compare(settings: Settings) -> None:
    """Goes on when the books know this key, or do not answer yet; ends the process with 2 otherwise.

    While they do not answer nothing can be sealed in them, and the database itself takes no data key of another master
    key: the question is asked again until there is an answer.
    """
    asking = threading.Thread(target=_ask, args=(settings,), name="master key", daemon=True)
    asking.start()
    _answered.wait(WAIT_S)


_answered = threading.Event()


def _ask(settings: Settings) -> None:
    own = Vault.from_settings(settings).key_ids
    while not _once(settings.database_url, own):
        _answered.set()
        time.sleep(RETRY_S)
    _answered.set()


def _once(url: str, own: tuple[bytes, ...]) -> bool:
    try:
        lacking = master_keys.meet(url, own)
    except (DriverError, OSError):
        return False
    if lacking:
        print(f"OMS_MASTER_KEY: {master_keys.problem(lacking)}", file=sys.stderr, flush=True)
        environment.end(WRONG_SETTINGS)
    return True
