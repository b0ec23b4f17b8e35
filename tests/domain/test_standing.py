"""Standing: suspended exactly while a hold is open, and what is left of each allowance."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.domain.examples import NOON, TERM_START, D, contract
from tollgate.domain.calendar import Term, add_months
from tollgate.domain.notices import Hold
from tollgate.domain.standing import standing
from tollgate.domain.usage import TermRow, Totals

TERM = Term(TERM_START, add_months(TERM_START, 12))
SMS_LIMIT = Hold(tenant="acme", scope="sms", cause="limit", reference="2026-01-15", opened_at=NOON)
UNPAID = Hold(tenant="acme", scope="all", cause="overdue", reference="2026-02-01", opened_at=NOON)
OTHER = replace(SMS_LIMIT, scope="mms")
PAID = UNPAID.lifted(NOON)


def row(messages: int, fees: str) -> TermRow:
    return TermRow(term=TERM).adding("sms", Totals(messages)).adding("whatsapp", Totals(1, 1, D(fees)))


@pytest.mark.parametrize(
    ("holds", "sms", "whatsapp"),
    [
        ([], [], []),
        ([SMS_LIMIT], [SMS_LIMIT], []),
        ([UNPAID], [UNPAID], [UNPAID]),
        ([PAID, SMS_LIMIT], [SMS_LIMIT], []),  # still over the limit when the invoice is paid
        ([SMS_LIMIT.lifted(NOON), UNPAID], [UNPAID], [UNPAID]),  # still unpaid when the limit is raised
        ([SMS_LIMIT, UNPAID], [SMS_LIMIT, UNPAID], [UNPAID]),
        ([OTHER], [], []),
    ],
)
def test_a_service_is_suspended_while_any_hold_on_it_is_open(
    holds: list[Hold], sms: list[Hold], whatsapp: list[Hold]
) -> None:
    """A hold of its own or of all services; a lifted one suspends nothing."""
    services = standing(contract(), row(0, "0"), holds)
    assert list(services) == ["sms", "whatsapp"]
    for meter, held in (("sms", sms), ("whatsapp", whatsapp)):
        assert services[meter].holds == tuple(held)
        assert services[meter].state == ("suspended" if held else "active")


@pytest.mark.parametrize(
    ("totals", "sms", "whatsapp"),
    [
        (None, "50000", "1000.00"),
        (row(1, "0.0001"), "49999", "999.9999"),
        (row(50_000, "1000"), "0", "0"),
        (row(50_007, "1234.5"), "0", "0"),
    ],
)
def test_what_remains_of_an_allowance_is_never_below_zero(totals: TermRow | None, sms: str, whatsapp: str) -> None:
    """In the allowance's own measure, exact; the whole of it where the term has no usage yet."""
    services = standing(contract(), totals, [])
    assert (str(services["sms"].remaining), str(services["whatsapp"].remaining)) == (sms, whatsapp)


def test_usage_beyond_a_limit_alone_suspends_nothing() -> None:
    """Holds suspend, not counts: an extension that was granted counts."""
    assert standing(contract(), row(60_000, "0"), [])["sms"].state == "active"


@given(st.permutations([SMS_LIMIT, UNPAID, OTHER, PAID]), st.integers(0, 4))
def test_a_service_is_suspended_exactly_while_a_hold_is_open(holds: list[Hold], count: int) -> None:
    """Whatever holds there are and in whatever order: the state says whether any that is listed is open."""
    for meter, service in standing(contract(), None, holds[:count]).items():
        open_on_it = {hold for hold in holds[:count] if hold.is_open and hold.scope in (meter, "all")}
        assert set(service.holds) == open_on_it
        assert (service.state == "suspended") == bool(open_on_it)
