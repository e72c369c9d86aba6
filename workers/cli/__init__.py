"""The command line `oms`."""

from workers.cli.app import main

__all__ = ["main"]
