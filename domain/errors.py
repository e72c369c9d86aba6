"""The one exception that rules raise; its `code` is stable and reaches HTTP, the console and Temporal UI."""


class RuleBroken(Exception):
    """A request that the rules refuse for good.

    `code` is a stable identifier, `detail` tells the caller what to do (never personal text).
    """

    def __init__(self, code: str, detail: str = "") -> None:
        super().__init__(code)
        self.code = code
        self.detail = detail or code.replace("_", " ")


class NotFound(RuleBroken):
    """The thing does not exist, or this caller may not know that it does."""


class Conflict(RuleBroken):
    """The thing exists in a state that excludes the request."""
