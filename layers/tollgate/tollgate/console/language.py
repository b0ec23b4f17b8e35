"""Language: in which a page speaks. Our own people read English; a customer reads what the contract says.

Always true: a page of which no contract is known, a broken link's for one, speaks the browser's language where there is
a catalogue of it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from tollgate.console.request import Request
from tollgate.domain import contract as contracts
from tollgate.domain.calendar import local_day
from tollgate.domain.contract import Contract
from tollgate.domain.errors import TollgateError
from tollgate.mails.wording import STAFF_LOCALE, languages

CUSTOMERS: Final = "/usage"
_WANTED: Final = re.compile(r"\s*([a-z]{2,3})(?:-([A-Z]{2}))?(?:;q=([01](?:\.\d{1,3})?))?\s*")


def is_customers(request: Request | None) -> bool:
    """Whether the page is one for customers."""
    return request is not None and f"{request.path}/".startswith(f"{CUSTOMERS}/")


def locale_of(request: Request | None) -> str:
    """The locale of a page, whatever became of the request."""
    if request is None or not is_customers(request):
        return STAFF_LOCALE
    if request.customer is not None:
        with suppress(TollgateError):  # a refusal can be told in the browser's language, too
            if versions := request.ports.contracts.versions(request.customer.tenant):
                return held(versions, request).locale
    return preferred(request.headers.get("accept-language", ""))


def held(versions: Sequence[Contract], request: Request) -> Contract:
    """The version that is in force when somebody asks; the first one before its own start."""
    return contracts.in_force(versions, local_day(request.now, versions[0].timezone)) or versions[0]


def preferred(header: str) -> str:
    """The first of the languages in an Accept-Language header that we have; else English."""
    asked = [found for one in header.split(",") if (found := _WANTED.fullmatch(one))]
    ordered = sorted(asked, key=lambda found: -float(found[3] or 1))
    known = (found for found in ordered if found[1] in languages() and found[3] != "0")
    return next(("_".join(filter(None, (found[1], found[2]))) for found in known), STAFF_LOCALE)
