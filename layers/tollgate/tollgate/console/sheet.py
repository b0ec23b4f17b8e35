"""Sheet: a statement as one hands it to a customer, for print: who issues it and to whom, in the customer's language.

Always true: whoever looks at it, it says the same, and its numbers are those of the revision that it names.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from functools import partial
from typing import Final

from markupsafe import Markup

from tollgate.console import render
from tollgate.domain.calendar import Period, local_day
from tollgate.domain.corrections import credited
from tollgate.domain.explanation import Crossing
from tollgate.domain.invoices import Invoice
from tollgate.domain.statement import Line
from tollgate.mails.brand import Brand
from tollgate.mails.explanation import crossing_sentence, line_text, sentences
from tollgate.mails.wording import Wording, wording
from tollgate.stages.explanation import Explained

GROUPS: Final = ("usage", "allowance", "adjustment", "forward")


def sheet(known: Explained, brand: Brand) -> Markup:
    """The sheet."""
    shown, contract = known.invoice, known.contract
    words = wording(contract.locale)
    values = {
        "brand": brand,
        "contract": contract,
        "invoice": shown,
        "statement": shown.statement,
        "zone": contract.timezone,
        "credited": credited(shown),
        "last_day": shown.statement.period.end - timedelta(days=1),
        "groups": grouped(shown.statement.lines),
        "text_of": text_of(known, words),
        "issued_on": local_day(shown.approved_at, contract.timezone) if shown.approved_at else None,
        "steps": sentences(known.explanation, words),
        "crossed": _crossed(known, words),
    }
    return render.part("parts/sheet.html.j2", values, locale=contract.locale)


def title(known: Explained) -> str:
    """What the page is called; browsers print it above the sheet."""
    shown, words = known.invoice, wording(known.contract.locale)
    number = shown.number or words.span(shown.statement.period)
    return words.say("statement.named", number=number, name=known.contract.name)


def text_of(known: Explained, words: Wording) -> partial[str]:
    """What says a line of the statement in words."""
    return partial(_text_of, known=known, words=words)


def _text_of(line: Line, *, known: Explained, words: Wording) -> str:
    return line_text(line, known.invoice.statement, known.explanation, words)


def _crossed(known: Explained, words: Wording) -> list[str]:
    """The message with which what is included was exceeded, if it was in this period."""
    currency, zone = known.invoice.statement.currency, known.contract.timezone
    return [
        crossing_sentence(one, meter, currency=currency, timezone=zone, words=words)
        for meter, one, own in crossings_within(known.crossings, known.invoice, zone)
        if own
    ]


def grouped(lines: Sequence[Line]) -> list[tuple[str, list[Line]]]:
    """Lines under the names of their headings; headings without lines are left out."""
    found: dict[str, list[Line]] = {}
    for line in lines:
        found.setdefault(_group(line.key), []).append(line)
    return [(name, found[name]) for name in GROUPS if name in found]


def _group(key: str) -> str:
    first, _, rest = key.partition("/")
    return first if first in ("allowance", "adjustment") else "usage" if rest else "forward"


def crossings_within(found: Mapping[str, Crossing], invoice: Invoice, zone: str) -> list[tuple[str, Crossing, bool]]:
    """The crossings of a term by meter, and whether each is of this invoice's own period."""
    period: Period = invoice.statement.period
    return [(meter, one, local_day(one.at, zone) in period) for meter, one in sorted(found.items())]
