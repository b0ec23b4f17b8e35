"""The pages of the showroom: each by name, with who looks at it and where it is."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from typing import Any, Final
from urllib.parse import urlencode

from local import mailbox
from local.demo.place import Place
from local.showroom import story
from local.steps import StepError
from tollgate.adapters.archive import S3Archive
from tollgate.adapters.aws import stack_outputs
from tollgate.domain.facts import MessageKey

FINANCE, SECOND_OF_FINANCE, OPS, READER, NOBODY = "frances", "felix", "olga", "ravi", ""
"""Users of the local identity provider; nobody is who did not sign in, a customer among them."""


@dataclass(frozen=True, slots=True)
class View:
    """One page as somebody sees it. ``path`` is below the API's address. ``part``: the id of what a picture of it
    begins with, further down.
    """

    name: str
    path: str
    by: str = FINANCE
    status: int = 200
    part: str = ""


def month(number: int, today: date) -> str:
    """A month's first day, as addresses name it; counted from the current one."""
    return story.first_day(number, today).isoformat()


def invoice(guest: story.Guest, number: int, today: date) -> str:
    """The address of a tenant's invoice of a month."""
    return f"/console/invoices/{guest.tenant}/{month(number, today)}"


def first_message(guest: story.Guest, number: int) -> MessageKey:
    """A tenant's first message of a month."""
    return MessageKey("meta", f"wamid.{guest.account}.{number + 3}.0000")


def message(guest: story.Guest, number: int) -> str:
    """The address of a tenant's first message of a month."""
    return f"/console/messages/{guest.tenant}?{urlencode(first_message(guest, number)._asdict())}"


def console(today: date) -> tuple[View, ...]:
    """Every page of the console, with something on it."""
    last = month(-1, today)[:7]
    draft = invoice(story.TRAVEL, -1, today)
    return (
        View("home", "/console"),
        View("review", f"/console/review?month={last}"),
        View("invoices", "/console/invoices"),
        View("invoice-draft", draft),
        View("invoice-paid", invoice(story.TRAVEL, -2, today)),
        View("invoice-past-due", invoice(story.CLINICS, -3, today)),
        View("invoice-differs", invoice(story.HOTELS, -1, today)),
        View("statement", f"{draft}/statement"),
        View("statement-german", f"{invoice(story.BAKERY, -1, today)}/statement"),
        View("messages", f"{draft}/messages?day={last}-10&category=marketing"),
        View("message", message(story.TRAVEL, -1)),
        View("close", f"/console/close?month={last}"),
        View("tenants", "/console/tenants"),
        View("tenant-warned", f"/console/tenants/{story.TRAVEL.tenant}"),
        View("tenant-suspended", f"/console/tenants/{story.ALERTS.tenant}", by=OPS),
        View("exports", f"/console/exports/{story.TRAVEL.tenant}"),
        View("ops", "/console/ops", by=OPS),
        View("ops-differs", "/console/ops", by=OPS, part="differs"),
        View("not-found", "/console/no/such/page", status=404),
        View("signed-out", "/console/signed-out", by=NOBODY),
        View("link-broken", "/usage/broken", by=NOBODY, status=404),
    )


def customer(document: dict[str, Any]) -> tuple[View, ...]:
    """The pages of customers, each reached by the link in a warning mail."""
    warned, stopped = link_of(story.TRAVEL, document), link_of(story.ALERTS, document)
    return (
        View("usage", warned, by=NOBODY),
        View("usage-warnings", warned, by=NOBODY, part="warnings"),
        View("usage-records", f"{warned}/records", by=NOBODY),
        View("usage-exports", f"{warned}/exports", by=NOBODY),
        View("usage-suspended", stopped, by=NOBODY),
        View("usage-german", link_of(story.BAKERY, document), by=NOBODY),
    )


def archived(place: Place) -> tuple[View, ...]:
    """A receipt of a message, whose name is the archive's to give. Raises StepError when there is none."""
    key = first_message(story.TRAVEL, -1)
    bucket = stack_outputs(place.aws, place.document["stack"])["ArchiveBucketName"]
    receipts = S3Archive(place.aws("s3"), bucket=bucket).receipts(key, most=1)
    if not receipts:
        raise StepError(f"no receipt of {key.message} is in the archive")
    named = urlencode({**key._asdict(), "receipt": receipts[0].name})
    return (View("receipt", f"/console/messages/{story.TRAVEL.tenant}/receipt?{named}"),)


ARCHIVED: Final = ("receipt",)
CUSTOMERS: Final = ("usage", "usage-warnings", "usage-records", "usage-exports", "usage-suspended", "usage-german")
LINK: Final = re.compile(r"/usage/[\w-]+\.[\w-]+")


def link_of(guest: story.Guest, document: dict[str, Any]) -> str:
    """The address that a customer's latest usage mail leads to. Raises StepError when no mail has one."""
    mails = [mail for mail in mailbox.fetch(document["aws"]) if guest.usage_contact in mail.to]
    links = [one[0] for one in (LINK.search(mail.text) for mail in mails) if one]
    if not links:
        raise StepError(f"no mail to {guest.tenant} leads to a page of its own")
    return links[-1]
