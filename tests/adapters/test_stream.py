"""Stream records as Lambda hands them over: the event file, a removal, and times of either kind."""

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tollgate.adapters.dynamodb.drafts import drafts_item
from tollgate.adapters.dynamodb.store import packed
from tollgate.adapters.dynamodb.stream import changed
from tollgate.domain.drafts import DraftsNotice
from tollgate.domain.invoices import Invoice
from tollgate.domain.notices import Hold, Notice

EVENT = Path(__file__).parents[2] / "events" / "dynamodb" / "accounts_stream.json"


def records() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(EVENT.read_text(encoding="utf-8"))["Records"]
    return found


def of_kind(prefix: str) -> dict[str, Any]:
    return next(record for record in records() if record["dynamodb"]["Keys"]["sk"]["S"].startswith(prefix))


@pytest.mark.parametrize(("prefix", "kind"), [("NOTICE#", Notice), ("HOLD#", Hold), ("INVOICE#", Invoice)])
def test_a_record_is_read_as_the_row_it_is_about(prefix: str, kind: type) -> None:
    """By its sort key; every tenant's."""
    change = changed(of_kind(prefix))
    assert change is not None
    assert isinstance(change.after, kind)
    assert not isinstance(change.after, DraftsNotice)
    assert change.after.tenant == "acme"


@pytest.mark.parametrize("at", [1773165600, 1773165600.0, "1773165600"])
def test_the_time_of_a_change_is_utc(at: object) -> None:
    """As a number with or without a fraction."""
    record = of_kind("NOTICE#")
    record["dynamodb"]["ApproximateCreationDateTime"] = at
    change = changed(record)
    assert change is not None
    assert change.at == datetime(2026, 3, 10, 18, tzinfo=UTC)


def test_a_drafts_notice_is_read_whole() -> None:
    """With the drafts it names, and without its mail."""
    notice = DraftsNotice(number=1, at=datetime(2026, 2, 4, 6, tzinfo=UTC), news=1, months={date(2026, 1, 1): 1},
                          totals={"USD": Decimal("1.50")}, clean=1, flags={}, told=("acme/2026-01-15#1",))  # fmt: skip
    record = of_kind("NOTICE#")
    record["dynamodb"]["NewImage"] = packed(drafts_item(notice))
    change = changed(record)
    assert change is not None
    assert (change.before, change.after) == (None, notice)


def test_a_removal_is_no_change() -> None:
    """A row that time to live took, as AWS tells it, and one that was deleted."""
    record = of_kind("NOTICE#")
    record["dynamodb"]["OldImage"] = record["dynamodb"].pop("NewImage")
    removal = record | {"eventName": "REMOVE"}
    assert changed(removal) is None
    assert changed(removal | {"userIdentity": {"principalId": "dynamodb.amazonaws.com", "type": "Service"}}) is None


@pytest.mark.parametrize(
    "sk", ["TERM#2026-01-15", "NOTICES", "INVOICED#x", "REVISION#2026-05-01#0001", "AUDIT#x#HOLD#"]
)
def test_a_row_that_nobody_is_told_about_is_passed_over(sk: str) -> None:
    """Also where the filter in the template let it through."""
    record = of_kind("NOTICE#")
    record["dynamodb"]["NewImage"]["sk"] = {"S": sk}
    assert changed(record) is None
