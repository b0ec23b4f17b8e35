"""After the year: each of its months compared as the nightly run does, once everything has come to rest.

Always true: every record of the year is added up and compared with the counters, and every invoice with Stripe.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from typing import Any, Final

from local.demo import story
from local.demo.agreements import TENANTS
from local.demo.place import Place
from local.steps import StepError

NOON: Final = time(12)
"""Of the day after a month, which has begun in every time zone of the contracts: that run looks at the month before."""


def compare(place: Place, *, start: date) -> str:
    """What was compared of the year that begins on ``start``, in words. Raises StepError when something differs or was
    not compared.
    """
    messages = 0
    for number in range(story.MONTHS):
        _, end = story.month(number, start=start)
        night = datetime.combine(end, NOON, UTC).isoformat().replace("+00:00", "Z")
        report = place.command("run", "reconcile", "--at", night, "--json")
        if wrong := uneven(report):
            raise StepError(f"The comparison of {night} did not come out even: {wrong}")
        messages += sum(len(some) for some in story.messages(number, start=start))
    issued = [one for one in place.command("invoices", "--json") if one["stripe_invoice"]]
    return (
        f"Compared month by month: the records of {messages:,} messages with the counters of {len(TENANTS)} tenants, "
        f"and {len(issued)} of their invoices with Stripe. Nothing differs."
    )


def uneven(report: dict[str, Any]) -> dict[str, Any]:
    """What a run found to differ or left out, by what it is; empty when everybody was compared and nothing differs."""
    left_out = sorted(set(TENANTS) - set(report["compared"]))
    found = {**report["differs"], "failed": report["failed"], "unread": report["unread"], "not compared": left_out}
    return {name: what for name, what in found.items() if what}
