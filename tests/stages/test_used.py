"""Used: what the day rows of some days come to."""

from __future__ import annotations

from datetime import date

from tests.domain.examples import D
from tests.stages.billing import INDIA, NORTH, Billing
from tollgate.domain.usage import Cell, Totals
from tollgate.stages.used import used


def test_use_is_added_up_by_day_and_by_cell() -> None:
    """Every day is there, also one without use; the cells come by messages; other days count nothing."""
    world = Billing()
    world.use("2026-02-01", "1.00")
    world.use("2026-02-01", "0.50", cell=INDIA, messages=2)
    world.use("2026-02-03", "0.25")
    world.use("2026-02-04", "9.00")
    world.use("2026-02-02", "0", cell=Cell("sms", "sms", "India"), messages=7)
    sms, whatsapp = used("acme", date(2026, 2, 1), date(2026, 2, 4), ledger=world.rows.ledger)
    assert (sms.meter, sms.total) == ("sms", Totals(7, 7, D(0)))
    assert [totals for _, totals in whatsapp.days] == [Totals(3, 3, D("1.50")), Totals(), Totals(1, 1, D("0.25"))]
    assert whatsapp.cells == ((NORTH, Totals(2, 2, D("1.25"))), (INDIA, Totals(2, 2, D("0.50"))))
    assert whatsapp.total == Totals(4, 4, D("1.75"))
