"""The archive of receipts: what is kept of a batch before it is counted, what a crash leaves, what may be opened."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import permutations

import pytest

from tests.fakes.archive import MemoryArchive
from tests.fakes.faults import Crash, Faults, every_fault
from tests.stages.traffic import ACME, AMERICAN, BETA, INDIAN, NOON, World, meta, post, sms, status, world
from tollgate.domain.errors import Invalid, NotFound, Refused, RetryLater
from tollgate.domain.facts import MessageKey
from tollgate.stages.archive import MOST_LISTED, Listed, Opened, open_receipt, receipts_of
from tollgate.stages.ports.accounts import AuditEntry
from tollgate.stages.ports.receipts import Receipt

REGULAR = "regular/marketing"
ONE, TWO, TEXT = MessageKey("meta", "wamid.1"), MessageKey("meta", "wamid.2"), MessageKey("aws-sms", "sms-1")
LATER = NOON + timedelta(days=30)


def archived() -> World:
    """The tenants of every test of the meter, with an archive."""
    made = world()
    made.archive = MemoryArchive()
    return made


def kept(made: World) -> MemoryArchive:
    """The archive."""
    assert made.archive is not None
    return made.archive


def bodies(made: World, message: MessageKey) -> list[bytes]:
    """What is kept of a message."""
    archive = kept(made)
    return [archive.receipt(message, one.name).body for one in archive.receipts(message, most=100)]


def shared() -> Receipt:
    """A receipt about messages of two tenants."""
    return post(
        (ACME, "n", [status("delivered", REGULAR)]),
        (BETA, "m", [status("delivered", REGULAR, message="wamid.2", to=INDIAN)]),
    )


# --- keeping ----------------------------------------------------------------------------------------------------------


def test_each_receipt_is_kept_under_every_message_it_is_about() -> None:
    """And under no other; what says nothing of a message is not kept."""
    made, both, text = archived(), shared(), sms()
    assert made.meter(both, text, meta()) == set()
    assert bodies(made, ONE) == bodies(made, TWO) == [both.body]
    assert bodies(made, TEXT) == [text.body]
    assert set(kept(made).kept) == {ONE, TWO, TEXT}


def test_what_could_be_read_of_a_broken_receipt_is_kept() -> None:
    """Its good part is counted, so it has a receipt; one that cannot be read at all has no message to be found from."""
    made = archived()
    half = meta(status("delivered", REGULAR), {"id": "wamid.bad", "status": "delivered", "timestamp": "yesterday"})
    assert made.meter(half, replace(sms(), body=b"{", id="broken")) == {half.id, "broken"}
    assert set(kept(made).kept) == {ONE}


def test_what_is_quarantined_has_its_receipts_when_it_is_counted() -> None:
    """It came in once, before its sender was known to anybody."""
    made, receipt = archived(), meta(status("delivered", REGULAR), waba="999000999000999")
    made.meter(receipt)
    assert made.quarantined()
    assert bodies(made, ONE) == [receipt.body]


def test_a_receipt_that_comes_back_is_kept_once() -> None:
    """However often, and however its batch is cut."""
    made, both, text = archived(), shared(), sms()
    for batch in (*permutations([both, text]), [both], [text]):
        made.meter(*batch)
    assert [len(one) for one in kept(made).kept.values()] == [1, 1, 1]


def test_the_rows_are_the_same_with_and_without_an_archive() -> None:
    """A record is a merge and names no receipt; without an archive nothing else changes."""
    made, plain, receipts = archived(), world(), [shared(), sms(), sms("TEXT_SENT")]
    made.meter(*receipts)
    plain.meter(*receipts)
    assert made.snapshot() == plain.snapshot()
    assert made.counts == plain.counts


def test_a_batch_about_no_message_asks_nobody() -> None:
    """Not the archive either."""
    made, faults = archived(), Faults()
    made.meter(meta(), faults=faults)
    assert faults.calls == []


def test_what_is_not_kept_is_counted_and_said() -> None:
    """Nobody's count waits for an archive that does not answer."""
    made, both, text = archived(), shared(), sms()
    kept(made).missed = {both.id}
    assert made.meter(both, text) == set()
    assert made.used("whatsapp")[0] == made.used("sms")[0] == 1
    assert made.counts["ReceiptsNotArchived"] == 1
    assert set(kept(made).kept) == {TEXT}


def test_a_receipt_is_kept_before_anything_is_counted() -> None:
    """A crash leaves at most an object more than was counted."""
    made, faults = archived(), Faults()
    made.meter(shared(), faults=faults)
    assert faults.calls[0] == "MemoryArchive.keep"
    assert faults.calls.count("MemoryArchive.keep") == 1


def test_a_crash_between_any_two_calls_ends_in_the_same_rows_and_objects() -> None:
    """Once the batch has come again; and never is there a record without its receipt."""
    batch = [shared(), sms()]
    undisturbed, counted = archived(), Faults()
    undisturbed.meter(*batch, faults=counted)
    for faults in every_fault(len(counted.calls)):
        made = archived()
        with pytest.raises(Crash):
            made.meter(*batch, faults=faults)
        assert {key for _, key in made.memory.records} <= set(kept(made).kept)
        assert made.meter(*batch) == set()
        assert made.snapshot() == undisturbed.snapshot()
        assert kept(made).kept == kept(undisturbed).kept


# --- listing and opening ----------------------------------------------------------------------------------------------


def opened(
    made: World, message: MessageKey, name: str | None = None, *, tenant: str = "acme", by: str = "mia"
) -> Opened:
    """Open the first receipt of a message."""
    archive, rows = kept(made), made.rows
    found = archive.receipts(message, most=1)
    return open_receipt(
        tenant,
        message,
        found[0].name if name is None else name,
        by=by,
        ledger=rows.ledger,
        archive=archive,
        audit=rows.audit,
        now=LATER,
    )


def test_only_what_is_about_the_message_is_shown() -> None:
    """Its status, with its times and category; of the other tenant's nothing, and no number of either recipient."""
    made, receipt = archived(), replace(shared(), source="/webhooks/meta")
    made.meter(receipt)
    found = opened(made, ONE)
    assert (found.source, found.kept.size_bytes) == ("/webhooks/meta", len(receipt.body))
    [entry] = json.loads(found.text)["entry"]
    assert entry["id"] == ACME
    [shown] = entry["changes"][0]["value"]["statuses"]
    assert (shown["id"], shown["status"], shown["pricing"]["category"]) == ("wamid.1", "delivered", "marketing")
    for hidden in (AMERICAN, INDIAN, BETA, "wamid.2"):
        assert hidden not in found.text


def test_who_opens_a_receipt_is_in_the_trail_before_it_is_read() -> None:
    """Which, of what, when; also where the archive does not answer."""
    made = archived()
    made.meter(sms())
    [one] = kept(made).receipts(TEXT, most=9)
    opened(made, TEXT)
    entry = AuditEntry(
        tenant="acme", at=LATER, by="mia", action="receipt", subject="aws-sms#sms-1", what="opened", note=one.name
    )
    assert made.rows.audit.entries("acme")[-1] == entry
    faults = Faults()
    rows = made.rows
    open_receipt(
        "acme", TEXT, one.name, by="mia", now=LATER, ledger=faults.wrap(rows.ledger), audit=faults.wrap(rows.audit),
        archive=faults.wrap(kept(made)),
    )  # fmt: skip
    assert [call.partition(".")[2] for call in faults.calls] == ["records", "add", "receipt"]


def test_nobody_opens_nothing() -> None:
    """Without a name there is no trail."""
    made = archived()
    made.meter(sms())
    with pytest.raises(Invalid):
        opened(made, TEXT, by=" ")


@pytest.mark.parametrize(("tenant", "message"), [("beta", TEXT), ("acme", TWO), ("nobody", ONE)])
def test_a_receipt_of_somebody_elses_message_is_not_found(tenant: str, message: MessageKey) -> None:
    """Although the archive has it: it knows no tenants, the ledger does. Nothing is written to a trail."""
    made = archived()
    made.meter(shared(), sms())
    before = made.rows.audit.entries(tenant)
    with pytest.raises(NotFound):
        opened(made, message, tenant=tenant)
    assert made.rows.audit.entries(tenant) == before


def test_a_receipt_that_is_not_there_is_not_found() -> None:
    """Nor one of another message."""
    made = archived()
    made.meter(sms(), sms(message="sms-2"))
    [other] = kept(made).receipts(MessageKey("aws-sms", "sms-2"), most=9)
    for name in ("nothing", other.name, "x" * 5_000):
        made.memory.audit.clear()
        with pytest.raises(NotFound):
            opened(made, TEXT, name)
        assert len(repr(made.memory.audit)) < 1_000


@pytest.mark.parametrize(("count", "more"), [(0, False), (MOST_LISTED, False), (MOST_LISTED + 1, True)])
def test_a_listing_says_when_there_are_more(count: int, more: bool) -> None:
    """The first hundred, in the order they came."""
    archive = MemoryArchive()
    archive.keep([(replace(sms(), received_at=NOON + timedelta(seconds=n)), {TEXT}) for n in range(count)])
    found = receipts_of(TEXT, archive=archive)
    assert (len(found.receipts), found.more, found.reachable) == (min(count, MOST_LISTED), more, True)
    arrived: list[datetime] = [one.received_at for one in found.receipts]
    assert arrived == sorted(arrived)


@pytest.mark.parametrize("error", [RetryLater("busy"), Refused("no")])
def test_what_is_known_of_a_message_does_not_wait_for_the_archive(error: Exception) -> None:
    """It says that it does not answer, and hides nothing else."""
    archive = Faults(at=1, error=error).wrap(MemoryArchive())
    assert receipts_of(TEXT, archive=archive) == Listed(reachable=False)
