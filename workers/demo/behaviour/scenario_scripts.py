"""One short script for each scenario: what is done with the order between placement and end."""

from collections.abc import Awaitable, Callable, Mapping

from domain.after_sales.returns import Condition
from domain.support.steps import Action, Step
from workers.demo.baskets.customers import customer_of
from workers.demo.baskets.dataset import Basket
from workers.demo.behaviour import after_delivery, picking, replenishing
from workers.demo.behaviour.actors import ApiActors
from workers.demo.behaviour.scenarios import Scenario

GATEWAY_ATTEMPTS = 5
Script = Callable[[ApiActors, Basket], Awaitable[None]]


async def _nothing(actors: ApiActors, basket: Basket) -> None:
    """Nobody interferes."""


async def _paid_again(actors: ApiActors, basket: Basket) -> None:
    await actors.pay_again("tok_ok")


async def _reviewed(actors: ApiActors, basket: Basket) -> None:
    await actors.resolve(Step.REVIEW, Action.SKIP)


async def _capture_unheard(actors: ApiActors, basket: Basket) -> None:
    await actors.order_fault("payments", "capture", "timeout_after", 1)
    await actors.pay("tok_ok")


async def _carrier_down(actors: ApiActors, basket: Basket) -> None:
    await actors.order_fault("carriers", "book", "error", GATEWAY_ATTEMPTS)
    await actors.pay("tok_ok")
    await actors.resolve(Step.BOOK, Action.RETRY)


async def _carrier_refused(actors: ApiActors, basket: Basket) -> None:
    await actors.order_fault("carriers", "book", "reject", 1)
    await actors.pay("tok_ok")
    _, address = customer_of(basket.household)
    await actors.resolve(Step.BOOK, Action.AMEND, {**address.to_dict(), "district": "Made-up District"})


async def _carrier_lost(actors: ApiActors, basket: Basket) -> None:
    await actors.order_fault("carriers", "book", "reject", 1)
    await actors.pay("tok_ok")
    await actors.resolve(Step.BOOK, Action.COMPENSATE)


async def _parcel_lost(actors: ApiActors, basket: Basket) -> None:
    await actors.pay("tok_ok")
    await actors.lose_parcel()
    await actors.resolve(Step.DELIVER, Action.COMPENSATE)


async def _cancelled_unpaid(actors: ApiActors, basket: Basket) -> None:
    await actors.cancel("changed their mind")


async def _cancelled_paid(actors: ApiActors, basket: Basket) -> None:
    # A carrier that does not answer at once leaves the customer time to change their mind.
    await actors.order_fault("carriers", "book", "timeout_before", 1)
    await actors.pay("tok_ok")
    await actors.cancel("found it elsewhere")


async def _partly_refunded(actors: ApiActors, basket: Basket) -> None:
    await after_delivery.refund_half(actors)


async def _returned(actors: ApiActors, basket: Basket) -> None:
    await after_delivery.send_back(actors, Condition.AS_NEW, everything=True)


async def _returned_damaged(actors: ApiActors, basket: Basket) -> None:
    await after_delivery.send_back(actors, Condition.DAMAGED, everything=False)


async def _exchanged(actors: ApiActors, basket: Basket) -> None:
    await after_delivery.exchange(actors)


async def _reshipped(actors: ApiActors, basket: Basket) -> None:
    await actors.pay("tok_ok")
    await actors.lose_parcel()
    await after_delivery.send_again(actors)


async def _backordered(actors: ApiActors, basket: Basket) -> None:
    await actors.wait_until(lambda order: order.waiting_for is not None and order.waiting_for.what == "stock")
    await replenishing.note_suggestions(actors)
    await actors.receive_missing()


async def _picked_short(actors: ApiActors, basket: Basket) -> None:
    await picking.pick_short(actors)


async def _on_terms(actors: ApiActors, basket: Basket) -> None:
    await actors.wait_until(lambda order: order.status in ("delivered", "completed", "cancelled"))
    await actors.pay("tok_ok")


SCRIPTS: Mapping[Scenario, Script] = {
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
    Scenario.SPLIT: _nothing,
    Scenario.BACKORDERED: _backordered,
    Scenario.PICKED_SHORT: _picked_short,
    Scenario.ON_TERMS: _on_terms,
}
