"""Explanation: an invoice loaded with its days and the message with which its limit was exceeded."""

from __future__ import annotations

from typing import Any

import pytest

from tests.domain.examples import D, contract
from tests.stages.billing import FEBRUARY, JANUARY, Billing, at
from tollgate.domain.errors import NotFound
from tollgate.stages.explanation import Explained, explained

WHATSAPP: dict[str, Any] = {"measure": "fees", "included": "10.00", "beyond": "bill"}


def explain(world: Billing, period: Any = FEBRUARY) -> Explained:
    rows = world.rows
    return explained("acme", period, invoices=rows.invoices, contracts_rows=rows.contracts, ledger=rows.ledger)


def used() -> Billing:
    """8.00 in January, then 1.50 and 1.50 on one day of February, of which the second message exceeds 10.00."""
    world = Billing(contract=contract(allowances={"whatsapp": WHATSAPP}))
    world.use(JANUARY, "8.00")
    world.use("2026-02-10", "1.50")
    world.use("2026-02-10", "1.50")
    world.use("2026-02-11", "4.00")
    world.close(at("2026-03-05"))
    return world


def test_an_invoice_is_explained_with_its_days_and_the_message_that_crossed() -> None:
    """From the records of the one day on which it happened."""
    found = explain(used())
    assert str(found.invoice.statement.total) == "5.00"
    assert found.explanation.total == 5
    assert [(str(p.day), p.fees, p.to_date) for p in found.days["whatsapp"]] == [
        ("2026-02-10", D("3.00"), D("11.00")),
        ("2026-02-11", D("4.00"), D("15.00")),
    ]
    crossing = found.crossings["whatsapp"]
    assert (crossing.message.message, crossing.before, crossing.after) == ("m2", D("9.50"), D("11.00"))
    assert (crossing.free, crossing.paid) == (D("0.50"), D("1.00"))


def test_an_invoice_before_the_crossing_has_none() -> None:
    """What came after its period is none of its business."""
    found = explain(used(), JANUARY)
    assert found.crossings == {}
    assert found.explanation.total == 0


def test_a_day_that_the_index_does_not_have_yet_names_no_message() -> None:
    """Rather none than a wrong one."""
    world = used()
    world.lagging.lag = 1
    for key in [key for key in world.memory.records if key[1].message in ("m1", "m2")]:
        del world.memory.records[key]
    assert explain(world).crossings == {}


@pytest.mark.parametrize(("most", "unread"), [(2, {}), (1, {"whatsapp": 2})])
def test_a_day_with_too_many_messages_is_told_without_the_message(most: int, unread: dict[str, int]) -> None:
    """Exactly as many as may be looked through are; the day and its chart do not depend on it."""
    world = used()
    rows = world.rows
    found = explained(
        "acme", FEBRUARY, invoices=rows.invoices, contracts_rows=rows.contracts, ledger=rows.ledger, most=most
    )
    assert found.unread == unread
    assert (found.crossings == {}) == bool(unread)
    assert {meter: str(on) for meter, on in found.crossed_on.items()} == {"whatsapp": "2026-02-10"}


def test_a_period_without_an_invoice_is_not_found() -> None:
    """Whatever its usage."""
    with pytest.raises(NotFound):
        explain(used(), at("2026-03-01").date())
