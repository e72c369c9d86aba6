"""One short play for each fate: who does what to the order between its placing and its end."""

from collections.abc import Awaitable, Callable, Mapping

from domain.after_sales.returns import Condition
from domain.support.steps import Action, Step
from workers.demo import after_delivery
from workers.demo.actors import ApiActors
from workers.demo.customers import person_of
from workers.demo.dataset import Basket
from workers.demo.scenarios import Scenario

GATEWAY_ATTEMPTS = 5
Play = Callable[[ApiActors, Basket], Awaitable[None]]


async def _nothing(desk: ApiActors, basket: Basket) -> None:
    """The order goes its way."""


async def _paid_again(desk: ApiActors, basket: Basket) -> None:
    await desk.pay_again("tok_ok")


async def _reviewed(desk: ApiActors, basket: Basket) -> None:
    await desk.resolve(Step.REVIEW, Action.SKIP)


async def _capture_unheard(desk: ApiActors, basket: Basket) -> None:
    await desk.order_fault("payments", "capture", "timeout_after", 1)
    await desk.pay("tok_ok")


async def _carrier_down(desk: ApiActors, basket: Basket) -> None:
    await desk.order_fault("carriers", "book", "error", GATEWAY_ATTEMPTS)
    await desk.pay("tok_ok")
    await desk.resolve(Step.BOOK, Action.RETRY)


async def _carrier_refused(desk: ApiActors, basket: Basket) -> None:
    await desk.order_fault("carriers", "book", "reject", 1)
    await desk.pay("tok_ok")
    _, address = person_of(basket.household)
    await desk.resolve(Step.BOOK, Action.AMEND, {**address, "district": "Made-up District"})


async def _carrier_lost(desk: ApiActors, basket: Basket) -> None:
    await desk.order_fault("carriers", "book", "reject", 1)
    await desk.pay("tok_ok")
    await desk.resolve(Step.BOOK, Action.COMPENSATE)


async def _parcel_lost(desk: ApiActors, basket: Basket) -> None:
    await desk.pay("tok_ok")
    await desk.lose_parcel()
    await desk.resolve(Step.DELIVER, Action.COMPENSATE)


async def _cancelled_unpaid(desk: ApiActors, basket: Basket) -> None:
    await desk.cancel("changed his mind")


async def _cancelled_paid(desk: ApiActors, basket: Basket) -> None:
    # A carrier that does not answer at once leaves the customer time to change his mind.
    await desk.order_fault("carriers", "book", "timeout_before", 1)
    await desk.pay("tok_ok")
    await desk.cancel("found it elsewhere")


async def _partly_refunded(desk: ApiActors, basket: Basket) -> None:
    await after_delivery.refund_half(desk)


async def _returned(desk: ApiActors, basket: Basket) -> None:
    await after_delivery.send_back(desk, Condition.AS_NEW, everything=True)


async def _returned_damaged(desk: ApiActors, basket: Basket) -> None:
    await after_delivery.send_back(desk, Condition.DAMAGED, everything=False)


async def _exchanged(desk: ApiActors, basket: Basket) -> None:
    await after_delivery.exchange(desk)


async def _reshipped(desk: ApiActors, basket: Basket) -> None:
    await desk.pay("tok_ok")
    await desk.lose_parcel()
    await after_delivery.send_again(desk)


PLAYS: Mapping[Scenario, Play] = {
    Scenario.PLAIN: _nothing,
    Scenario.DECLINED: _nothing,
    Scenario.PAID_AGAIN: _paid_again,
    Scenario.PENDING: _nothing,
    Scenario.UNPAID: _nothing,
    Scenario.REVIEWED: _reviewed,
    Scenario.CAPTURE_UNHEARD: _capture_unheard,
    Scenario.CARRIER_DOWN: _carrier_down,
    Scenario.CARRIER_REFUSED: _carrier_refused,
    Scenario.CARRIER_LOST: _carrier_lost,
    Scenario.PARCEL_LOST: _parcel_lost,
    Scenario.CANCELLED_UNPAID: _cancelled_unpaid,
    Scenario.CANCELLED_PAID: _cancelled_paid,
    Scenario.OUT_OF_STOCK: _nothing,
    Scenario.PARTLY_REFUNDED: _partly_refunded,
    Scenario.RETURNED: _returned,
    Scenario.RETURNED_DAMAGED: _returned_damaged,
    Scenario.EXCHANGED: _exchanged,
    Scenario.RESHIPPED: _reshipped,
}
