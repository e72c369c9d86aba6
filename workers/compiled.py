"""`python -m workers.compiled`: imports what the processes import, so that Python compiles each module once.

After an installation nothing is compiled, and six processes that start together would each compile the same modules.
"""

import api.app  # noqa: F401
import infra.db.migrate
import infra.sandbox.server  # noqa: F401
import workers.cli.up
import workers.demo.run
import workers.relay.main
import workers.worker  # noqa: F401
