"""``make mails``: renders a sample of every kind of mail to look at, and lists the mails the local system sent.

The samples are fixed (a tenant of each language, fixed times), so that a change of wording or look shows as a
difference of files; the suite holds them against golden files.
"""

import html
import sys
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Final

from local import mailbox
from local.stack import DEFAULT_ROOT
from tollgate.domain.calendar import Period
from tollgate.domain.contract import Allowance, Contract, parse
from tollgate.domain.drafts import DraftsNotice
from tollgate.domain.invoices import OPEN, PAID, VOID, Invoice, notice, overdue_hold
from tollgate.domain.notices import (
    LIMIT,
    LIMIT_REACHED,
    OVERDUE,
    REINSTATED,
    SETTINGS_CHANGED,
    SUSPENDED,
    USAGE_LINK,
    USAGE_WARNING,
    Hold,
    Notice,
)
from tollgate.domain.preferences import Change
from tollgate.domain.statement import DRAFT, Line, Statement
from tollgate.mails.brand import Brand
from tollgate.mails.drafts import render_drafts
from tollgate.mails.render import render, render_undelivered
from tollgate.stages.ports.mail import Mail

TERM: Final = date(2026, 1, 15)
FULL_AT: Final = datetime(2026, 10, 2, 15, 40, tzinfo=UTC)
LATE_AT: Final = datetime(2026, 10, 20, 11, tzinfo=UTC)
BRAND = Brand(
    support="support@tollgate.example",
    billing="billing@tollgate.example",
    portal_url="https://portal.tollgate.example/usage",
)

BRANDED = Brand(
    name="Søndly & <Co>",
    accent="#ffcc00",
    support="help@sondly.example",
    billing="pay@sondly.example",
    url="https://sondly.example/?a=1&b=2",
    legal='Søndly & <Co> A/S "Post" | Ny Havn 1 | 1051 København | CVR 12 34 56 78',
    portal_url="https://console.tollgate.example/usage/x",
)
"""Another brand: every parameter is set, and what HTML has to escape is in them."""

ENGLISH: Final = {
    "tenant": "acme",
    "name": "Acme Retail, Inc.",
    "timezone": "America/Chicago",
    "term": {"start": "2026-01-15"},
    "contacts": {"usage": ["ops@acme.example"], "billing": ["ap@acme.example"]},
    "senders": [{"provider": "meta", "account": "102290129340398"}],
}
GERMAN: Final = {
    "tenant": "muster",
    "name": "Muster Handel GmbH",
    "currency": "EUR",
    "timezone": "Europe/Berlin",
    "locale": "de_DE",
    "term": {"start": "2026-01-15"},
    "contacts": {"usage": ["technik@muster.example"], "billing": ["buchhaltung@muster.example"]},
    "senders": [{"provider": "meta", "account": "102290129340399"}],
}


def sample_contract(document: Mapping[str, object] = ENGLISH) -> Contract:
    """The contract of a sample tenant: the default terms."""
    return parse(document)


def sample_invoice(contract: Contract) -> Invoice:
    """An issued invoice of a sample tenant that nobody has paid."""
    amount = Decimal("412.37")
    statement = Statement(
        tenant=contract.tenant,
        period=Period(date(2026, 9, 1), date(2026, 10, 1)),
        term=TERM,
        currency=contract.currency,
        kind=DRAFT,
        lines=(Line(key="marketing/North America", description="Marketing", quantity=16_495, amount=amount),),
        stated=amount,
        total=amount,
        known={},
    )
    return Invoice(
        statement=statement,
        status=OPEN,
        due_date=date(2026, 10, 19),
        stripe_invoice="in_1",
        number="TG-2026-0042",
        hosted_url="https://pay.tollgate.example/i/in_1",
        remaining=amount,
        overdue_on=date(2026, 10, 20),
        suspend_on=date(2026, 10, 27),
    )


def samples() -> Mapping[str, Mail]:
    """A mail of every kind and wording in every language, by name."""
    english, german = sample_contract(), sample_contract(GERMAN)
    late, owed = notice(sample_invoice(english), OVERDUE, at=LATE_AT), sample_invoice(german)
    undelivered = render_undelivered(late, reason="Permanent/NoEmail", to=("ops@tollgate.example",), brand=BRAND)
    return {
        **_of_contract(english),
        "undelivered": undelivered,
        **_drafts_samples(),
        **{f"{name}.de": mail for name, mail in _of_contract(german).items()},
        "usage-warning-branded": _of_usage(_warned(english), english, brand=BRANDED),
        "overdue-branded.de": _of_invoice(notice(owed, OVERDUE, at=LATE_AT), german, owed, brand=BRANDED),
    }


def _drafts_samples() -> dict[str, Mail]:
    """To finance: a month's drafts with some flags and an older one, and a single clean one without a console."""
    many = DraftsNotice(
        number=7,
        at=datetime(2026, 10, 4, 6, tzinfo=UTC),
        news=42,
        months={date(2026, 8, 1): 1, date(2026, 9, 1): 1_204},
        totals={"EUR": Decimal("8120.40"), "USD": Decimal("412870.05")},
        clean=1_190,
        flags={"first-invoice": 3, "jump": 11, "sent-back": 1},
        told=(),
    )
    one = replace(many, news=1, months={date(2026, 9, 1): 1}, totals={"USD": Decimal("412.37")}, clean=1, flags={})
    to, review = ("finance@tollgate.example",), "https://console.tollgate.example/console/review"
    return {
        "drafts-waiting": render_drafts(many, to=to, console=review, brand=BRAND),
        "drafts-waiting-one": render_drafts(one, to=to, console="", brand=BRAND),
    }


def _of_contract(contract: Contract) -> dict[str, Mail]:
    return (
        _usage_samples(contract)
        | _late_usage_samples(contract)
        | _invoice_samples(contract)
        | _portal_samples(contract)
    )


def _usage_samples(contract: Contract) -> dict[str, Mail]:
    fees = _usage_notice(contract, "whatsapp", 75, used="750.0342", at=datetime(2026, 11, 30, 9, tzinfo=UTC))
    full = _usage_notice(contract, "sms", 100, used="50000", at=FULL_AT)
    beyond = _usage_notice(contract, "whatsapp", 100, used="1000.0115", at=datetime(2026, 12, 28, 14, 30, tzinfo=UTC))
    bill_all = contract.allowances["whatsapp"].model_copy(update={"beyond": "bill-all"})
    suspends = _limit_hold(contract)
    asked = replace(_warned(contract), line=60, used=Decimal(30_000), asked=True)
    return {
        "usage-warning-sms": _of_usage(_warned(contract), contract),
        "usage-warning-fees": _of_usage(fees, contract),
        "usage-warning-asked": _of_usage(asked, contract),
        "limit-reached-suspended": _of_usage(full, contract, suspends),
        "limit-reached-lifted": _of_usage(full, contract),
        "limit-reached-billed": _of_usage(beyond, contract),
        "limit-reached-billed-in-full": _of_usage(beyond, contract, allowance=bill_all),
    }


def _late_usage_samples(contract: Contract) -> dict[str, Mail]:
    """Of a jump over both lines at once, and of a term that had ended when its last reports came."""
    jumped = _usage_notice(contract, "sms", 75, used="50020", at=FULL_AT)
    after = datetime(2027, 1, 16, 8, tzinfo=UTC)
    return {
        "usage-warning-jumped": _of_usage(jumped, contract, _limit_hold(contract)),
        "usage-warning-ended": _of_usage(_usage_notice(contract, "sms", 75, used="37500", at=after), contract),
        "limit-reached-ended": _of_usage(
            _usage_notice(contract, "whatsapp", 100, used="1000.0115", at=after), contract
        ),
    }


def _invoice_samples(contract: Contract) -> dict[str, Mail]:
    invoice = sample_invoice(contract)
    late = notice(invoice, OVERDUE, at=LATE_AT)
    stopped = notice(invoice, SUSPENDED, at=datetime(2026, 10, 27, 11, tzinfo=UTC))
    paid = replace(invoice, status=PAID, remaining=Decimal("0.00"))
    void = replace(invoice, status=VOID, remaining=Decimal("0.00"))
    again = notice(paid, REINSTATED, at=datetime(2026, 10, 29, 16, 20, tzinfo=UTC))
    own, limit = overdue_hold(invoice, at=stopped.at), _limit_hold(contract)
    return {
        "overdue": _of_invoice(late, contract, invoice),
        "overdue-paid-meanwhile": _of_invoice(late, contract, paid),
        "suspended": _of_invoice(stopped, contract, invoice, own),
        "suspended-paid-meanwhile": _of_invoice(stopped, contract, paid, limit),
        "reinstated": _of_invoice(again, contract, paid),
        "reinstated-void": _of_invoice(again, contract, void),
        "reinstated-still-held": _of_invoice(again, contract, paid, limit),
    }


def _warned(contract: Contract) -> Notice:
    return _usage_notice(contract, "sms", 75, used="37500", at=datetime(2026, 8, 3, 19, 5, tzinfo=UTC))


def _portal_samples(contract: Contract) -> dict[str, Mail]:
    """What a customer's link changed, one thing and both, and a link that staff had sent."""
    contacts = contract.contacts.of("usage")
    both = Change(
        recipients_before=contacts,
        recipients=("jo@retail.example", "li@retail.example"),
        shares_before={},
        shares={"sms": (50, 90), "whatsapp": (25,)},
        passed={"whatsapp": (25,)},
    )
    fewer = replace(both, recipients=contacts, shares_before=both.shares, shares={}, passed={})
    only = replace(both, shares=both.shares_before, passed={})
    at = datetime(2026, 5, 4, 8, 30, tzinfo=UTC)
    told = Notice(
        tenant=contract.tenant, kind=SETTINGS_CHANGED, term=TERM, at=at, used=Decimal(0), change=both, reference="3"
    )
    link = replace(told, kind=USAGE_LINK, change=None, reference="2026-05-04T08:30:00Z")
    return {
        "settings-changed": render(told, contract, brand=BRAND),
        "settings-changed-recipients": render(replace(told, change=only), contract, brand=BRAND),
        "settings-changed-shares": render(replace(told, change=fewer), contract, brand=BRAND),
        "usage-link": render(link, contract, brand=BRAND),
    }


def _limit_hold(contract: Contract) -> Hold:
    return Hold(tenant=contract.tenant, scope="sms", cause=LIMIT, reference=str(TERM), opened_at=FULL_AT)


def _usage_notice(contract: Contract, meter: str, line: int, *, used: str, at: datetime) -> Notice:
    return Notice(
        tenant=contract.tenant,
        kind=LIMIT_REACHED if line == 100 else USAGE_WARNING,
        term=TERM,
        at=at,
        meter=meter,
        line=line,
        used=Decimal(used),
        included=Decimal("50000" if meter == "sms" else "1000.00"),
    )


def _of_usage(
    told: Notice, contract: Contract, *holds: Hold, allowance: Allowance | None = None, brand: Brand = BRAND
) -> Mail:
    allowance = allowance or contract.allowances[str(told.meter)]
    return render(told, contract, allowance=allowance, open_holds=holds, brand=brand)


def _of_invoice(told: Notice, contract: Contract, invoice: Invoice, *holds: Hold, brand: Brand = BRAND) -> Mail:
    return render(told, contract, invoice=invoice, open_holds=holds, brand=brand)


def write_preview(folder: Path, mails: Mapping[str, Mail]) -> Path:
    """Write each mail as ``<name>.txt`` and ``<name>.html``; returns the page that shows them all."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, mail in mails.items():
        headers = f"To: {', '.join(mail.to)}\nSubject: {mail.subject}\n\n"
        (folder / f"{name}.txt").write_text(headers + mail.text, encoding="utf-8")
        (folder / f"{name}.html").write_text(mail.html, encoding="utf-8")
    index = folder / "index.html"
    index.write_text(preview_page(mails), encoding="utf-8")
    return index


def preview_page(mails: Mapping[str, Mail]) -> str:
    """A page that names every sample and shows it in a frame."""
    items = "\n".join(
        f'<h2>{html.escape(mail.subject)}</h2><p>{name}: <a href="{name}.html">HTML</a> <a href="{name}.txt">text</a>'
        f'<p><iframe src="{name}.html" title="{name}" loading="lazy" sandbox></iframe>'
        for name, mail in mails.items()
    )
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>Mails Tollgate sends</title>'
        "<style>:root{color-scheme:light dark}body{font:15px system-ui;margin:2rem}"
        "iframe{width:680px;max-width:100%;height:900px;border:1px solid #8888}</style>"
        f"<h1>Mails Tollgate sends</h1>\n{items}</html>\n"
    )


def listing(folder: Path) -> str:
    """One line per saved mail, oldest first, then the page that shows them all."""
    rows = mailbox.saved(folder)
    if not rows:
        return f"No mails yet. They are saved in {folder} while the local system runs (`make up`)."
    lines = [f"{row['at']}  {', '.join(row['to'])}\n    {row['subject']}\n    {folder / row['file']}" for row in rows]
    return "\n".join([*lines, f"{len(rows)} mails; all of them: {folder / 'index.html'}"])


def main() -> None:
    """Render the samples, say where they are, and list what was sent."""
    mails = samples()
    index = write_preview(DEFAULT_ROOT / "mail-preview", mails)
    sys.stdout.write(
        f"{len(mails)} samples, every kind of mail in every language: {index}\n\n{listing(DEFAULT_ROOT / 'mails')}\n"
    )


if __name__ == "__main__":
    main()
