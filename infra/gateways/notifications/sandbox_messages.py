"""The sandbox's message provider over HTTP."""

from domain.gateways import OutgoingMessage, ProviderRefused, ProviderUnavailable
from infra.gateways.http import ProviderClient

NAME = "sandbox"


class SandboxMessages:
    """A MessageGateway for both channels."""

    name = NAME

    def __init__(self, base_url: str, timeout_s: float) -> None:
        self._client = ProviderClient(NAME, base_url, timeout_s)

    @property
    def longest_s(self) -> float:
        return self._client.timeout_s

    async def send(self, message: OutgoingMessage) -> str | None:
        answer = await self._client.call("POST", "/messages", json=_body(message))
        if not answer.ok:
            raise ProviderRefused(str(answer.body.get("error_code") or f"http_{answer.status}"), NAME)
        if not isinstance(reference := answer.body.get("id"), str):
            raise ProviderUnavailable("bad_response", NAME)
        return reference

    async def aclose(self) -> None:
        await self._client.aclose()


def _body(message: OutgoingMessage) -> dict[str, str | None]:
    return {
        "idempotency_key": message.idempotency_key,
        "channel": message.channel,
        "template": message.template,
        "order_no": message.order_no,
        "to": message.to,
        "subject": message.subject,
        "body": message.body,
    }
