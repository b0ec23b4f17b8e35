"""The order of the year: traffic, month ends, approvals, payments; what goes wrong on purpose, and how it is mended."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from datetime import time as time_of_day
from pathlib import Path
from typing import Any, Final

from local.demo import story, wire
from local.demo.agreements import CORRECTION, TENANTS
from local.demo.place import Place

DATA: Final = Path(__file__).resolve().parents[2] / "layers" / "tollgate" / "tollgate" / "data"
CARD: Final = DATA / "meta_rates_usd_2026-10-01.json"
CARD_FROM: Final = date(2026, 10, 1)
FINANCE: Final = "frances@tollgate.example"

CLOSES_ON: Final = 4  # of the next month: three days for late receipts
PAYS_ON: Final = 12  # of the next month: well before the due date
MENDED_IN: Final = 3  # the fourth month: the forgotten account is named
LATE_PAYER: Final = "lakeside-clinics"
PAYS_LATE_BY: Final = timedelta(days=12)  # after the due date: past due the day after it, suspended seven days later


@dataclass
class Clockwork:
    """Where the time went, by kind of work, in seconds. Sending and metering overlap with the rest."""

    spent: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def doing(self, kind: str) -> Iterator[None]:
        """Time some work."""
        started = time.monotonic()
        try:
            yield
        finally:
            self.spent[kind] = self.spent.get(kind, 0.0) + time.monotonic() - started

    def summary(self) -> str:
        """Slowest first."""
        slowest = sorted(self.spent.items(), key=lambda item: -item[1])
        return ", ".join(f"{kind} {seconds:.0f} s" for kind, seconds in slowest)


@dataclass
class Year:
    """One playing of the year that begins on ``start``, with the ``contracts`` dated for it, by name.

    ``progress`` hears of each status or event sent, with the month it belongs to.
    """

    place: Place
    start: date
    contracts: Mapping[str, Path]
    progress: Callable[[int, str], None]
    clockwork: Clockwork = field(default_factory=Clockwork)
    told: Callable[[str], None] = print
    _late: dict[str, Any] | None = None

    def play(self) -> None:
        """From the contracts to the last payment. Raises StepError."""
        with self.clockwork.doing("contracts and rates"):
            self.place.command("rates", "load", CARD, "--card", "meta", "--from", CARD_FROM.isoformat())
            self.place.command("contract", "apply", *(self.contracts[tenant] for tenant in TENANTS))
        with ThreadPoolExecutor(1) as ahead:
            sent = ahead.submit(self._traffic, 0)
            for number in range(story.MONTHS):
                sent.result()
                if number == MENDED_IN:
                    self._mend()
                if number + 1 < story.MONTHS:
                    # The next month comes in while this one is closed, as it would.
                    sent = ahead.submit(self._traffic, number + 1)
                self._finish(number)
        with self.clockwork.doing("last mails"):
            self.place.until(self._all_mailed, what="every notice to be mailed")

    def _all_mailed(self) -> bool:
        notices = [one for tenant in TENANTS for one in self.place.command("notices", tenant, "--json")]
        return all(one["mail"]["status"] != "queued" for one in notices)

    def _finish(self, number: int) -> None:
        """Everything that follows from a month whose receipts are all counted."""
        _, end = story.month(number, start=self.start)
        drafts = self._close(end)
        self._approve(drafts, at=_at(end, CLOSES_ON))
        self._pay(end)
        if self._late:
            self._dun()

    def _traffic(self, number: int) -> None:
        """Send a month's receipts, and wait until they are counted. Runs beside commands, and so uses none itself."""
        first, _ = story.month(number, start=self.start)
        name = f"{first:%B %Y}"
        whatsapp, texts = story.messages(number, start=self.start)

        def sent(count: int) -> None:
            self.progress(count, name)

        with self.clockwork.doing("sending receipts"):
            if whatsapp:
                self.place.post_meta(wire.meta_posts(whatsapp), sent=sent)
            if texts:
                self.place.publish_sms(wire.sns_batches(texts), sent=sent)
        with self.clockwork.doing("metering, behind the sender"):
            self.place.drain()

    def _mend(self) -> None:
        """Name the account that no contract named; its messages waited in quarantine, and count on their own days."""
        with self.clockwork.doing("quarantine"):
            waiting = self.place.command("quarantine", "list", "--json")
            if not waiting:
                return
            self.place.command("contract", "apply", self.contracts[CORRECTION])
            redriven = self.place.command("quarantine", "redrive", "--json")
            self.told(f"{len(waiting)} facts of an unknown account waited in quarantine; {redriven['counted']} counted")

    def _close(self, end: date) -> list[dict[str, Any]]:
        """The daily run of the day on which the month is closed; the drafts that it leaves for finance."""
        moment = _at(end, CLOSES_ON)
        self.place.set_stripe_clock(moment)
        with self.clockwork.doing("closing months"):
            self._run(moment)
            drafts: list[dict[str, Any]] = self.place.command("invoices", "--status", "draft", "--json")
            return drafts

    def _run(self, moment: datetime) -> None:
        report = self.place.command("run", "invoice", "--at", _text(moment), "--json")
        for what in ("blocked", "failed"):
            for one in report[what]:
                self.told(f"{moment:%Y-%m-%d} {what}: {one}")

    def _approve(self, drafts: list[dict[str, Any]], *, at: datetime) -> None:
        with self.clockwork.doing("approving and issuing"):
            for draft in drafts:
                words = ("--revision", str(draft["revision"]), "--by", FINANCE, "--at", _text(at), "--json")
                self.place.command("invoice", "approve", draft["tenant"], draft["period"], *words)
            if drafts:
                self.place.until(lambda: not self._invoices("approved"), what="Stripe to have the invoices")

    def _invoices(self, status: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.place.command("invoices", "--status", status, "--json")
        return found

    def _pay(self, end: date) -> None:
        """Everybody pays in time, but for the first invoice of one tenant."""
        with self.clockwork.doing("payments"):
            self.place.set_stripe_clock(_at(end, PAYS_ON))
            for invoice in self._invoices("open"):
                if invoice["tenant"] == LATE_PAYER and self._late is None:
                    self._late = invoice
                else:
                    self.place.pay(invoice["stripe_invoice"])
            unpaid = 1 if self._late else 0
            self.place.until(lambda: len(self._invoices("open")) == unpaid, what="the payments to be settled")

    def _dun(self) -> None:
        """Past due the day after the due date, suspended a week later, reinstated once it is paid."""
        assert self._late is not None
        due = date.fromisoformat(self._late["due_date"])
        with self.clockwork.doing("dunning"):
            for days in (1, 8):
                self._run(_noon(due + timedelta(days=days)))
            self.place.set_stripe_clock(_noon(due + PAYS_LATE_BY))
            self.place.pay(self._late["stripe_invoice"])
            self.place.until(lambda: not self._invoices("open"), what="the late payment to be settled")
        self._late = {}


def _at(end: date, day: int) -> datetime:
    """The hour of the daily run on a day of the month that begins on ``end``."""
    return datetime.combine(end.replace(day=day), time_of_day(6), UTC)


def _noon(day: date) -> datetime:
    return datetime.combine(day, time_of_day(12), UTC)


def _text(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")
