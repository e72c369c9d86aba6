"""A process whose master key the database does not know exits before it encrypts anything."""

import sys
import threading
import time

from infra.db.errors import DriverError
from infra.db.system import master_keys
from infra.security.crypto import Vault
from infra.settings import Settings
from workers.checked_settings import WRONG_SETTINGS
from workers.cli import environment

# How long a start waits for the database; after that it continues, and exits when the database refuses the key.
WAIT_S, RETRY_S = 8.0, 2.0


def compare(settings: Settings) -> None:
    """Continues if the database knows this key, or does not answer yet; otherwise the process exits with 2.

    While it does not answer, nothing can be stored in it, and it accepts no data key of another master key. The check
    is repeated until there is an answer.
    """
    asking = threading.Thread(target=_query, args=(settings,), name="master key", daemon=True)
    asking.start()
    _answered.wait(WAIT_S)


_answered = threading.Event()


def _query(settings: Settings) -> None:
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
