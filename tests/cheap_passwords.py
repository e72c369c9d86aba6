"""Where tests run in the product's own process, a password costs next to nothing: a shop's takes 150 ms of a core."""

from argon2 import PasswordHasher

from infra.security import passwords

IN_A_SHOP = {"_HASHER": passwords._HASHER, "_NOBODYS": passwords._NOBODYS}
_CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


def install() -> None:
    """Nobody's password costs as much as anybody's, as in a shop."""
    passwords._HASHER, passwords._NOBODYS = _CHEAP, _CHEAP.hash("a word that nobody knows")
