"""`python -m tests`: pytest, ending with the code it means.

A process that ran a Temporal worker can crash while the interpreter unwinds: a good run would look like a bad one.
"""

import os
import sys

import pytest

if __name__ == "__main__":
    code = pytest.main(sys.argv[1:])
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
