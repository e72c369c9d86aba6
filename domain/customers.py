"""How a customer is named and reached."""

from dataclasses import dataclass

from domain.json_types import JsonObject


@dataclass(frozen=True, slots=True)
class CustomerProfile:
    """Name and contact of a customer. `language` is that of messages; None where the customer never named one."""

    name: str | None = None
    email: str | None = None
    phone: str | None = None
    language: str | None = None

    @classmethod
    def from_json(cls, stored: JsonObject) -> "CustomerProfile":
        """The profile as the database keeps it."""
        return cls(stored.get("name"), stored.get("email"), stored.get("phone"), stored.get("language"))

    def as_json(self) -> dict[str, str | None]:
        """As the database keeps it; a language that was never named is left out."""
        profile = {"name": self.name, "email": self.email, "phone": self.phone}
        return profile if self.language is None else {**profile, "language": self.language}
