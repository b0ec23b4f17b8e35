"""Drafts notice: which drafts are news, and what all that wait come to."""

from datetime import date
from decimal import Decimal

from tests.domain.examples import NOON
from tollgate.domain.calendar import Period
from tollgate.domain.drafts import name_of, news, next_notice
from tollgate.domain.review import Flag, Summary
from tollgate.domain.statement import DRAFT


def waits(
    tenant: str, total: str, *, start: date = date(2026, 2, 1), revision: int = 1, currency: str = "USD"
) -> Summary:
    return Summary(
        tenant=tenant,
        period=Period(start, date(2026, 3, 1)),
        status=DRAFT,
        revision=revision,
        currency=currency,
        total=Decimal(total),
        stated=Decimal(total),
    )


ACME, BELL = waits("acme", "12.30"), waits("bell", "0.70", start=date(2026, 2, 15))
EURO = waits("euro", "5.00", start=date(2026, 1, 15), currency="EUR")
CLEAN: dict[str, list[Flag]] = {name_of(one): [] for one in (ACME, BELL, EURO)}
FIRST = next_notice({"acme": [ACME]}, before=None, flags=CLEAN, at=NOON)


def test_a_notice_adds_up_what_waits() -> None:
    """By calendar month and by currency; a draft with two flags is one that is not clean."""
    flags = CLEAN | {name_of(BELL): [Flag("jump", "by half"), Flag("sent-back", "see fees")]}
    notice = next_notice({"acme": [ACME], "bell": [BELL], "euro": [EURO]}, before=FIRST, flags=flags, at=NOON)
    assert (notice.number, notice.identity, notice.count, notice.news, notice.clean) == (2, "00000002", 3, 2, 2)
    assert notice.months == {date(2026, 1, 1): 1, date(2026, 2, 1): 2}
    assert notice.totals == {"EUR": Decimal("5.00"), "USD": Decimal("13.00")}
    assert notice.flags == {"jump": 1, "sent-back": 1}
    assert notice.told == ("acme/2026-02-01#1", "bell/2026-02-15#1", "euro/2026-01-15#1")


def test_a_draft_is_news_once_a_revision() -> None:
    """What was told is no news; under a new revision it is."""
    revised = waits("acme", "13.00", revision=2)
    assert news({"acme": [ACME]}, None) == ["acme/2026-02-01#1"]
    assert news({"acme": [ACME], "bell": []}, FIRST) == []
    assert news({"acme": [revised], "bell": [BELL]}, FIRST) == ["acme/2026-02-01#2", "bell/2026-02-15#1"]


def test_what_could_not_be_read_stays_told() -> None:
    """And is not counted as waiting; what was read and waits no more is forgotten."""
    before = next_notice({"acme": [ACME], "bell": [BELL]}, before=None, flags=CLEAN, at=NOON)
    after = next_notice({"bell": [], "euro": [EURO]}, before=before, flags=CLEAN, at=NOON)
    assert after.told == ("acme/2026-02-01#1", "euro/2026-01-15#1")
    assert after.count == 1
