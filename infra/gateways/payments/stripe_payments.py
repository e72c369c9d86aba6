"""Stripe through its SDK: PaymentIntents with manual capture, confirmed at once, and Refunds.

References: an authorisation is the PaymentIntent, a capture its Charge, a refund the Refund; a void has no object at
Stripe and is named after the PaymentIntent it ends. The key of each effect is Stripe's idempotency key, and is kept in
metadata too. `lookup` reads the object that is known; an authorisation of which nothing is known is repeated under its
key, and searched for by its metadata once Stripe has forgotten that (it keeps keys for a day).
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from time import time
from typing import Any

import stripe

from domain.gateways import (
    SIGNATURE_TOLERANCE_S,
    BadSignature,
    Evidence,
    GatewayResult,
    LostCall,
    PaymentNotification,
    PaymentRequest,
    ProviderRefused,
    ProviderUnavailable,
)
from domain.payments.transactions import PaymentKind, PaymentStatus
from infra.gateways.http import PASSING_STATUS, bounded, retry_after_s
from infra.gateways.payments.stripe_objects import (
    NAME,
    capture_result,
    captured_minor,
    decline_code,
    dispute_answered,
    intent_result,
    notification_of,
    plain,
    refund_result,
    stripe_evidence,
    void_ref,
    void_result,
)
from infra.gateways.signatures import json_object
from infra.provider_rules.authorisation_periods import saved_card
from infra.provider_rules.stripe_amounts import from_stripe, to_stripe
from infra.settings import Settings

# Stripe forgets a key after 24 hours; its search lags behind by up to a minute, and by more on a bad day.
KEY_LIFETIME_S = 23 * 3600
SEARCH_LAG_S = 600
PAGE = 100
# The risk is said of the charge, which is an id unless it is asked for.
_WHOLE: Any = {"expand": ["latest_charge"]}
_REUSED = "idempotency_key_reused"


class StripePayments:
    """A PaymentGateway. `token` is a PaymentMethod (pm_…) that needs no further step by the customer, or `cus_…:pm_…`:
    one that Stripe keeps for a customer, which can be authorised again without the customer."""

    name = NAME
    # Several captures of a card payment are a feature that not every account and card has.
    captures_in_parts = False

    def __init__(self, api_key: str, webhook_secret: str, timeout_s: float, api_base: str) -> None:
        self._timeout_s, self._webhook_secret = timeout_s, webhook_secret
        self._http = stripe.HTTPXClient(timeout=timeout_s)
        # Repeating is the workflow's business: it knows for how long and writes it down.
        self._api = stripe.StripeClient(
            api_key, http_client=self._http, base_addresses={"api": api_base}, max_network_retries=0
        ).v1

    @classmethod
    def from_settings(cls, settings: Settings) -> "StripePayments":
        key, secret = settings.stripe_api_key.get_secret_value(), settings.stripe_webhook_secret.get_secret_value()
        return cls(key, secret, settings.gateway_timeout_s, settings.stripe_api_base)

    async def authorise(self, request: PaymentRequest) -> GatewayResult:
        customer, method = saved_card(request.token)
        params: Any = {
            "amount": to_stripe(request.amount_minor, request.currency),
            "currency": request.currency.lower(),
            "payment_method": method,
            **({"customer": customer, "off_session": True} if customer else {}),
            "payment_method_types": ["card"],
            "capture_method": "manual",
            "confirm": True,
            "metadata": {"order_no": request.order_no, "idempotency_key": request.idempotency_key},
            **_WHOLE,
        }
        try:
            create = self._api.payment_intents.create_async(params, _keyed(request.idempotency_key))
            return await self._query(create, intent_result)
        except stripe.CardError as error:
            return _declined(error, request)

    async def capture(self, authorisation_ref: str, request: PaymentRequest) -> GatewayResult:
        key, intents = request.idempotency_key, self._api.payment_intents
        async with self._whole_call():
            # Noted first: a PaymentIntent that is captured and bears this key was captured by this call.
            note: Any = {"metadata": {"capture_key": key}}
            await intents.update_async(authorisation_ref, note, _keyed(f"{key}:note"))
            params: Any = {"amount_to_capture": to_stripe(request.amount_minor, request.currency)}
            call = self._query(intents.capture_async(authorisation_ref, params, _keyed(key)), capture_result)
            return await self._or_done(call, authorisation_ref, "succeeded", capture_result, request.amount_minor)

    async def void(self, authorisation_ref: str, request: PaymentRequest) -> GatewayResult:
        key, intents = request.idempotency_key, self._api.payment_intents
        async with self._whole_call():
            note: Any = {"metadata": {"void_key": key}}
            await intents.update_async(authorisation_ref, note, _keyed(f"{key}:note"))
            call = self._query(intents.cancel_async(authorisation_ref, {}, _keyed(key)), void_result)
            try:
                return await self._or_done(call, authorisation_ref, "canceled", void_result)
            except ProviderRefused as refusal:
                return await self._rest_released(authorisation_ref, request, refusal)

    async def refund(self, capture_ref: str, request: PaymentRequest) -> GatewayResult:
        params: Any = {
            "charge": capture_ref,
            "amount": to_stripe(request.amount_minor, request.currency),
            "metadata": {"order_no": request.order_no, "idempotency_key": request.idempotency_key},
        }
        key = request.idempotency_key
        async with self._whole_call():
            # Stripe forgets keys after a day; books that were restored from a backup may ask again for an older one.
            if (known := await self._refund_of(capture_ref, key)) is not None:
                return known
            return await self._query(self._api.refunds.create_async(params, _keyed(key)), refund_result)

    async def lookup(self, lost: LostCall) -> GatewayResult | None:
        async with self._whole_call():
            try:
                match lost.kind:
                    case PaymentKind.AUTHORISE:
                        return await self._authorisation(lost)
                    case PaymentKind.REFUND:
                        return await self._refund_of(lost.of, lost.request.idempotency_key) if lost.of else None
                return await self._end_of(lost) if lost.of else None
            except (KeyError, TypeError, AttributeError):
                raise ProviderUnavailable("bad_response", NAME) from None

    async def answer_dispute(self, dispute_ref: str, evidence: Evidence, idempotency_key: str) -> None:
        params: Any = {"evidence": stripe_evidence(evidence), "submit": True}
        async with self._whole_call():
            if not await self._answered(dispute_ref):
                await self._api.disputes.update_async(dispute_ref, params, _keyed(idempotency_key))

    async def accept_dispute(self, dispute_ref: str, idempotency_key: str) -> None:
        async with self._whole_call():
            if await self._answered(dispute_ref, lost="accepted"):
                return
            await self._api.disputes.close_async(dispute_ref, {}, _keyed(idempotency_key))

    def parse_notification(self, headers: Mapping[str, str], body: bytes) -> PaymentNotification | None:
        header = {name.lower(): value for name, value in headers.items()}.get("stripe-signature", "")
        try:
            stripe.WebhookSignature.verify_header(body, header, self._webhook_secret)
            signed_at_s = int(dict(item.partition("=")[::2] for item in header.split(","))["t"])
        except (stripe.SignatureVerificationError, ValueError, KeyError):
            raise BadSignature("signature_invalid", NAME) from None
        if abs(time() - signed_at_s) > SIGNATURE_TOLERANCE_S:
            raise BadSignature("signature_expired", NAME)
        try:
            return notification_of(json_object(NAME, body))
        except (KeyError, TypeError, AttributeError):
            raise BadSignature("payload_invalid", NAME) from None

    async def aclose(self) -> None:
        await self._http.close_async()  # type: ignore[no-untyped-call]

    async def _answered(self, dispute_ref: str, lost: str = "closed") -> bool:
        """True where an earlier call gave the answer; a dispute that is `lost` was "accepted", or is "closed"."""
        dispute = plain(await self._api.disputes.retrieve_async(dispute_ref))
        try:
            return dispute_answered(dispute, lost=lost)
        except (KeyError, TypeError, AttributeError):
            raise ProviderUnavailable("bad_response", NAME) from None

    async def _authorisation(self, lost: LostCall) -> GatewayResult | None:
        if lost.ref:
            return intent_result(await self._intent(lost.ref))
        replayable = bool(lost.request.token) and lost.age_s < KEY_LIFETIME_S
        if replayable:
            try:
                return await self.authorise(lost.request)
            except ProviderRefused as refusal:
                # A key under which it was asked in other words, by an older version of this program, say.
                if refusal.code != _REUSED:
                    return GatewayResult(PaymentStatus.FAILED, None, lost.request.amount_minor, refusal.code)
        found = await self._searched(lost)
        lags = lost.age_s < SEARCH_LAG_S or 0 <= lost.age_s - KEY_LIFETIME_S < SEARCH_LAG_S
        if found is None and (replayable or lags):
            raise ProviderUnavailable("not_found_yet", NAME)
        return found

    async def _end_of(self, lost: LostCall) -> GatewayResult | None:
        """A PaymentIntent that is captured or canceled and bears the key was so by this call."""
        intent = await self._intent(lost.of)
        name, status, read = _ENDS[lost.kind]
        done = (intent.get("metadata") or {}).get(name) == lost.request.idempotency_key and intent["status"] == status
        return read(intent) if done else None

    async def _intent(self, intent_id: str) -> dict[str, Any]:
        return plain(await self._api.payment_intents.retrieve_async(intent_id, _WHOLE))

    async def _refund_of(self, charge_id: str, key: str) -> GatewayResult | None:
        params: Any = {"charge": charge_id, "limit": PAGE}
        pages = await self._api.refunds.list_async(params)
        try:
            async for refund in pages.auto_paging_iter():
                known = plain(refund)
                if (known.get("metadata") or {}).get("idempotency_key") == key:
                    return refund_result(known)
        except (KeyError, TypeError, AttributeError):
            raise ProviderUnavailable("bad_response", NAME) from None
        return None

    async def _searched(self, lost: LostCall) -> GatewayResult | None:
        """By the key in the metadata; the copies of the search may be old, so what is found is read again."""
        key = lost.request.idempotency_key
        params: Any = {"query": f'metadata["idempotency_key"]:"{key}"', "limit": 1}
        try:
            found = await self._api.payment_intents.search_async(params)
        except stripe.InvalidRequestError:
            # Not every country's accounts may search.
            return await self._listed(lost)
        async for copy in found.auto_paging_iter():
            return intent_result(await self._intent(copy.id))
        return None

    async def _listed(self, lost: LostCall) -> GatewayResult | None:
        """In the list of all that was paid while the call may have been carried out."""
        first_s = int(time() - lost.age_s)
        created = {"gte": first_s - SEARCH_LAG_S, "lte": first_s + KEY_LIFETIME_S}
        params: Any = {"limit": PAGE, "created": created, "expand": ["data.latest_charge"]}
        pages = await self._api.payment_intents.list_async(params)
        async for listed in pages.auto_paging_iter():
            intent = plain(listed)
            if (intent.get("metadata") or {}).get("idempotency_key") == lost.request.idempotency_key:
                return intent_result(intent)
        return None

    async def _or_done(
        self,
        call: Awaitable[GatewayResult],
        intent_id: str,
        status: str,
        read: Callable[[dict[str, Any]], GatewayResult],
        amount_minor: int | None = None,
    ) -> GatewayResult:
        """What somebody did in Stripe's dashboard before us is done: the refusal of our call says so."""
        try:
            return await call
        except ProviderRefused as refusal:
            if refusal.code != "payment_intent_unexpected_state":
                raise
            intent = await self._intent(intent_id)
            done = read(intent) if intent.get("status") == status else None
            if done is None or amount_minor not in (None, done.amount_minor):
                raise
            return done

    async def _rest_released(self, intent_id: str, request: PaymentRequest, refusal: ProviderRefused) -> GatewayResult:
        """What the only capture did not take was released with it; anything else is refused as before."""
        intent = await self._intent(intent_id)
        if intent.get("status") == "succeeded":
            whole_minor = from_stripe(int(intent["amount"]), intent["currency"])
            rest_minor = whole_minor - captured_minor(intent)
            if 0 < rest_minor == request.amount_minor < whole_minor:
                return GatewayResult(PaymentStatus.SUCCEEDED, void_ref(intent_id), rest_minor)
        raise refusal

    async def _query(self, call: Awaitable[Any], read: Callable[[dict[str, Any]], GatewayResult]) -> GatewayResult:
        async with self._whole_call():
            answer = await call
        try:
            return read(plain(answer))
        except (KeyError, TypeError, AttributeError):
            raise ProviderUnavailable("bad_response", NAME) from None

    @asynccontextmanager
    async def _whole_call(self) -> AsyncIterator[None]:
        """Bounds everything inside to one time-out, and speaks our errors. Card declines pass through."""
        async with bounded(NAME, self._timeout_s):
            try:
                yield
            except stripe.CardError:
                raise
            except stripe.StripeError as error:
                raise _translated(error) from None


# What marks the end of a PaymentIntent as ours, its status then, and how it reads.
_ENDS: dict[PaymentKind, tuple[str, str, Callable[[dict[str, Any]], GatewayResult]]] = {
    PaymentKind.CAPTURE: ("capture_key", "succeeded", capture_result),
    PaymentKind.VOID: ("void_key", "canceled", void_result),
}


def _keyed(idempotency_key: str) -> Any:
    return {"idempotency_key": idempotency_key}


def _declined(error: stripe.CardError, request: PaymentRequest) -> GatewayResult:
    details = plain(error.error) if error.error else {}
    ref = (details.get("payment_intent") or {}).get("id")
    return GatewayResult(PaymentStatus.FAILED, ref, request.amount_minor, decline_code(details))


def _translated(error: stripe.StripeError) -> ProviderRefused | ProviderUnavailable:
    status = error.http_status
    if status is None:
        late = isinstance(error.__cause__, TimeoutError) or "Timeout" in type(error.__cause__).__name__
        return ProviderUnavailable("timeout" if late else "connection", NAME)
    # 409 is a call with this key that is still running.
    if status >= 500 or status == 409 or status in PASSING_STATUS or isinstance(error, stripe.APIError):
        return ProviderUnavailable(f"http_{status}", NAME, retry_after_s((error.headers or {}).get("retry-after")))
    if isinstance(error, stripe.IdempotencyError):
        return ProviderRefused(_REUSED, NAME)
    return ProviderRefused(error.code or ("not_found" if status == 404 else "invalid_request"), NAME)
