"""What can go wrong before the stack stands, in words for the person who started it."""


class StackError(Exception):
    """The stack cannot start or stay; the message says why and what to do."""


class TakenError(StackError):
    """The data directory or a port is in use by another program."""


class HopelessError(StackError):
    """No further try helps before a person has done something."""


class NotRunningError(StackError):
    """No stack runs in the data directory."""
