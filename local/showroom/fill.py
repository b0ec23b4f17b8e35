"""Fills a running instance with the showroom: traffic, month ends, approvals, payments, and one invoice left unpaid;
what a customer chose and had made, and what a provider billed.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any, Final

from local.demo import wire
from local.demo.place import Place
from local.demo.year import CARD as CARD_FILE
from local.showroom import bills, forms, pages, story
from local.steps import StepError
from tollgate.domain.reconciliation import AMOUNT_DIFFERS, MESSAGES_DIFFER

FINANCE: Final = "frances"
CLOSES_ON: Final = 4  # of the next month: three days for late receipts
NOON: Final = time(12)  # that day has begun in every time zone of the story
UNPAID: Final = story.CLINICS.tenant
LATER: Final = (timedelta(days=2), timedelta(days=3))
"""From now: past due the day after the due date, suspended on the next. Invoices are due after they are issued, which
is now whatever their month; no further month closes by then, since months close on the fourth.
"""


def fill(place: Place, now: datetime) -> None:
    """From the contracts to today's traffic, with last month's drafts left for review. Raises StepError."""
    start = story.first_day(story.MONTHS[0], now.date())
    place.command("rates", "load", CARD_FILE, "--card", story.CARD, "--from", start.isoformat())
    with tempfile.TemporaryDirectory() as folder:
        place.command("contract", "apply", *_contracts(Path(folder), start))
    with _stripe_clock_of(place):
        for number in story.MONTHS[:-1]:
            _traffic(place, number, now)
            closed = _closing(number + 1, now.date())
            place.set_stripe_clock(closed)
            _run(place, closed)
            if number != story.MONTHS[-2]:
                _bill(place, closed)
            if number == story.MONTHS[0]:
                _choose(place)
    _traffic(place, story.MONTHS[-1], now)
    _export(place, now.date())
    place.post_events(bills.statement(place, now.date()))
    place.drain()
    _reconcile(place, max(now, _closing(story.MONTHS[-1], now.date())))
    for schedule in ("suspend", "poll"):
        place.command("run", schedule, "--at", _text(now), "--json")
    for after in LATER:
        _run(place, now + after)
    place.until(lambda: _all_mailed(place), what="every notice to be mailed")
    place.drain()


def invoices(place: Place, status: str) -> list[dict[str, Any]]:
    """The showroom's invoices of a status; the instance may hold other tenants."""
    mine = {guest.tenant for guest in story.GUESTS}
    return [one for one in place.command("invoices", "--status", status, "--json") if one["tenant"] in mine]


def _contracts(folder: Path, start: date) -> Iterator[Path]:
    for guest in story.GUESTS:
        file = folder / f"{guest.tenant}.yaml"
        file.write_text(json.dumps(guest.contract(start)), encoding="utf-8")
        yield file


@contextmanager
def _stripe_clock_of(place: Place) -> Iterator[None]:
    """Stripe dates by the story's time meanwhile, and by the real one afterwards."""
    try:
        yield
    finally:
        place.release_stripe_clock()


def _traffic(place: Place, number: int, now: datetime) -> None:
    whatsapp, texts = story.messages(number, now)
    place.post_meta(wire.meta_posts(whatsapp), sent=lambda _: None)
    place.publish_sms(wire.sns_batches(texts), sent=lambda _: None)
    place.drain()


def _run(place: Place, moment: datetime) -> None:
    report = place.command("run", "invoice", "--at", _text(moment), "--json")
    if report["blocked"] or report["failed"]:
        raise StepError(f"the run of {_text(moment)} left something undone: {report}")
    place.drain()


def _bill(place: Place, closed: datetime) -> None:
    """Approve what there is, and have everybody pay but one tenant."""
    for draft in invoices(place, "draft"):
        words = ("--revision", str(draft["revision"]), "--by", FINANCE, "--at", _text(closed))
        place.command("invoice", "approve", draft["tenant"], draft["period"], *words)
    place.until(lambda: not invoices(place, "approved"), what="Stripe to have the invoices")
    paying = [one for one in invoices(place, "open") if one["tenant"] != UNPAID]
    for one in paying:
        place.pay(one["stripe_invoice"])
    place.until(
        lambda: {one["tenant"] for one in invoices(place, "open")} <= {UNPAID}, what="the payments to be settled"
    )


def _closing(number: int, today: date) -> datetime:
    """When the daily run of a month closes the one before it."""
    return datetime.combine(story.first_day(number, today).replace(day=CLOSES_ON), NOON, UTC)


def _choose(place: Place) -> None:
    """A customer asks to be warned at further shares."""
    shares = ", ".join(map(str, story.OWN_SHARES))
    chosen = {"recipients": story.TRAVEL.usage_contact, "shares-whatsapp": shares}
    forms.submit(_own_page(place, story.TRAVEL), "/warnings", chosen)


def _export(place: Place, today: date) -> None:
    """Finance and the customer each have a file made of last month and this one."""
    first, last = str(story.first_day(-1, today)), str(today - timedelta(days=1))
    place.command("export", story.TRAVEL.tenant, "--from", first, "--to", last, "--by", FINANCE)
    forms.submit(_own_page(place, story.TRAVEL), "/exports", {"first": first, "last": last})
    place.until(lambda: _all_made(place), what="the files of records to be made")


def _all_made(place: Place) -> bool:
    return all(one["state"] == "ready" for one in place.command("exports", story.TRAVEL.tenant, "--json"))


def _own_page(place: Place, guest: story.Guest) -> str:
    return str(place.document["api"]) + pages.link_of(guest, dict(place.document))


def _reconcile(place: Place, night: datetime) -> None:
    """The nightly comparison. It must find what the statement says otherwise, and of the showroom nothing else."""
    report = place.command("run", "reconcile", "--at", _text(night), "--json")
    guests = {f"{guest.tenant}: " for guest in story.GUESTS}
    found = {
        (cause, guest.rstrip(": "))
        for cause, words in report["differs"].items()
        for one in words
        for guest in guests
        if one.startswith(guest)
    }
    if found != {(cause, story.HOTELS.tenant) for cause in (MESSAGES_DIFFER, AMOUNT_DIFFERS)} or report["failed"]:
        raise StepError(f"the comparison of {_text(night)} found something else than the story has: {report}")


def _all_mailed(place: Place) -> bool:
    notices = [one for guest in story.GUESTS for one in place.command("notices", guest.tenant, "--json")]
    return all(one["mail"]["status"] != "queued" for one in notices)


def _text(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")
