"""Rendering: text and HTML say the same, nothing that a customer's name holds breaks a mail."""

import html
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from html.parser import HTMLParser

import pytest

from local.mails import BRAND, ENGLISH, FULL_AT, TERM, sample_contract, sample_invoice, samples
from tollgate.domain.errors import NotFound
from tollgate.domain.invoices import OPEN
from tollgate.domain.invoices import notice as invoice_notice
from tollgate.domain.notices import (
    LIMIT,
    LIMIT_REACHED,
    OVERDUE,
    SETTINGS_CHANGED,
    SUSPENDED,
    USAGE_LINK,
    USAGE_WARNING,
    Hold,
    Notice,
)
from tollgate.domain.preferences import Change
from tollgate.mails.brand import Brand
from tollgate.mails.render import KINDS, render, render_undelivered, wrapped
from tollgate.stages.ports.mail import Mail

SAMPLES = samples()
LINK = Notice(tenant="acme", kind=USAGE_LINK, term=TERM, at=FULL_AT, used=Decimal(0), reference="1")
CHANGED = replace(
    LINK,
    kind=SETTINGS_CHANGED,
    change=Change(
        recipients_before=("ops@acme.example",),
        recipients=("jo@acme.example",),
        shares_before={},
        shares={"sms": (50,)},
        passed={},
    ),
)
HOSTILE = {
    "script": '<script>alert(1)</script> & Söhne "GmbH"',
    "header": "Acme\r\nBcc: thief@example.net\r\n\r\nHello",
    "marks": "Acme\u202eevil\u2028 Inc",
    "braces": "{tenant} {0} %s {{ 7 * 7 }} {% raw %}",
    "long": "Acme " * 39,
}


class Shown(HTMLParser):
    """The words a mail program shows, and what it was asked to load or follow."""

    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []
        self.tags: set[str] = set()
        self.links: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += attrs
        self._hidden += tag in ("style", "title")
        if tag == "a":
            self.links.append(str(dict(attrs)["href"]))

    def handle_endtag(self, tag: str) -> None:
        self._hidden -= tag in ("style", "title")

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.words += data.split()


def shown(mail: Mail) -> Shown:
    parser = Shown()
    parser.feed(mail.html)
    return parser


def of_text(mail: Mail) -> list[str]:
    """The words of the text without rules, the label's colon or the link, which HTML draws in its own way."""
    lines = [re.sub(r"^([^:]*):\s{1,}(?=\S)", r"\1 ", line) for line in mail.text.splitlines()]
    return " ".join(line for line in lines if not re.fullmatch(r"[-= ]+", line)).split()


def warning(**changes: object) -> Notice:
    base = Notice(
        tenant="acme",
        kind=USAGE_WARNING,
        term=TERM,
        at=FULL_AT,
        meter="sms",
        line=75,
        used=Decimal(37_500),
        included=Decimal(50_000),
    )
    return replace(base, **changes)  # type: ignore[arg-type]  # fields by name


@pytest.mark.parametrize("name", SAMPLES)
def test_text_and_html_say_the_same(name: str) -> None:
    """Every word of one is in the other, as often; only the link is written out in the text."""
    mail = SAMPLES[name]
    words, links = shown(mail).words, shown(mail).links
    plain = [word for word in of_text(mail) if word not in links]
    seen = [word for word in words if word not in links]
    assert sorted(word.rstrip(":") for word in plain) == sorted(word.rstrip(":") for word in seen)
    assert all(link in mail.text for link in links)


@pytest.mark.parametrize("name", SAMPLES)
def test_a_mail_loads_nothing_and_runs_nothing(name: str) -> None:
    """No image, script, form or address but the one to press; it can be read offline, and reports nobody."""
    found = shown(SAMPLES[name])
    assert found.tags.isdisjoint({"script", "img", "link", "iframe", "form", "object", "svg"})
    assert not [attribute for attribute, _ in found.attributes if attribute.startswith("on") or attribute == "src"]
    assert "url(" not in SAMPLES[name].html
    assert all(link.startswith("https://") for link in found.links)


@pytest.mark.parametrize("name", SAMPLES)
def test_a_mail_is_fit_to_be_sent(name: str) -> None:
    """A subject of one short line, text within a mail program's width (but for facts), nothing left to fill in."""
    mail = SAMPLES[name]
    assert re.fullmatch(r"[^\r\n]{1,200}", mail.subject)
    assert not re.search(r"\{\w*\}|None|\.\.(?!\.)|  +$", mail.text + html.unescape(mail.html))
    assert max(map(len, mail.text.splitlines())) <= 100
    assert mail.text.endswith("\n")
    assert "\n\n\n" not in mail.text


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("hostile", HOSTILE)
def test_a_customers_name_breaks_nothing(kind: str, hostile: str) -> None:
    """Escaped in HTML, on one line in subject and text, and never read as a template."""
    contract = sample_contract({**ENGLISH, "name": HOSTILE[hostile]})
    invoice = replace(sample_invoice(contract), number=HOSTILE[hostile], hosted_url="javascript:alert(1)")
    told = {USAGE_WARNING: warning(), LIMIT_REACHED: warning(kind=kind), SETTINGS_CHANGED: CHANGED, USAGE_LINK: LINK}
    notice = told[kind] if kind in told else invoice_notice(invoice, kind, at=FULL_AT)
    mail = render(notice, contract, allowance=contract.allowances["sms"], invoice=invoice, brand=BRAND)
    assert shown(mail).tags.isdisjoint({"script"})
    assert not re.search(r"[\r\n\u2028\u202e]", mail.subject)
    assert not re.search(r"(?m)^Bcc:", mail.text)
    assert "javascript:" not in mail.html + mail.text
    assert "49" not in re.sub(r"#[0-9a-f]{6}", "", mail.subject)
    if hostile == "script":
        assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; Söhne" in mail.html
        assert "<script>alert(1)</script> & Söhne" in mail.text
    if hostile == "braces":
        assert "{tenant} {0} %s {{ 7 * 7 }}" in mail.text.replace("\n", " ")


def test_a_mail_goes_to_those_whom_its_kind_concerns() -> None:
    """Usage to the contacts for usage, invoices to those for billing; the reference names the notice."""
    assert SAMPLES["usage-warning-sms"].to == ("ops@acme.example",)
    assert SAMPLES["overdue"].to == ("ap@acme.example",)
    assert SAMPLES["overdue"].reference == {"tenant": "acme", "notice": "2026-01-15#invoice#2026-09-01#overdue"}


def test_what_was_not_given_is_not_guessed() -> None:
    """No allowance, no invoice, an unknown kind: an error, and no mail with gaps."""
    contract = sample_contract()
    invoice = sample_invoice(contract)
    with pytest.raises(NotFound, match="allowance 'acme sms'"):
        render(warning(), contract, brand=BRAND)
    with pytest.raises(NotFound, match="invoice 'acme 2026-09-01'"):
        render(invoice_notice(invoice, OVERDUE, at=FULL_AT), contract, brand=BRAND)
    with pytest.raises(KeyError):
        render(warning(kind="birthday"), contract, brand=BRAND)


@pytest.mark.parametrize(
    ("scope", "says"),
    [
        ("sms", "For other reasons, these are still suspended: SMS."),
        ("all", "these are still suspended: All services."),
    ],
)
def test_nothing_is_called_usable_that_is_held(scope: str, says: str) -> None:
    """A reinstatement names every hold that is still open, and what ends it."""
    contract = sample_contract()
    invoice = sample_invoice(contract)
    hold = Hold(tenant="acme", scope=scope, cause=LIMIT, reference=str(TERM), opened_at=FULL_AT)
    notice = invoice_notice(invoice, "reinstated", at=FULL_AT)
    held = render(notice, contract, invoice=invoice, open_holds=[hold], brand=BRAND)
    free = render(notice, contract, invoice=invoice, open_holds=[hold.lifted(FULL_AT)], brand=BRAND)
    assert says in " ".join(held.text.split())
    assert "You can send again at once" in free.text
    assert "You can send again at once" not in held.text


@pytest.mark.parametrize("kind", [OVERDUE, SUSPENDED])
def test_an_unpaid_invoice_without_a_page_says_how_to_pay(kind: str) -> None:
    """No dead button; and one that is not numbered yet is named by what it covers."""
    contract = sample_contract()
    invoice = replace(sample_invoice(contract), status=OPEN, hosted_url="", number="")
    hold = Hold(tenant="acme", scope="all", cause=OVERDUE, reference="2026-09-01", opened_at=FULL_AT)
    notice = invoice_notice(invoice, kind, at=FULL_AT)
    mail = render(notice, contract, invoice=invoice, open_holds=[hold], brand=BRAND)
    assert not shown(mail).links
    assert "as the invoice says" in mail.text
    assert "the invoice for September 2026" in mail.subject


def test_a_brand_shows_its_own_name_and_colour() -> None:
    """And leaves out the page that it does not have."""
    brand = Brand(name="Sendly", accent="#ffcc00", support="help@sendly.example", billing="pay@sendly.example")
    contract = sample_contract()
    mail = render(warning(), contract, allowance=contract.allowances["sms"], brand=brand)
    assert mail.text.startswith("Sendly\n")
    assert "#ffcc00" in mail.html
    assert "help@sendly.example" in mail.text
    assert not shown(mail).links


def test_a_mail_to_ops_names_no_address() -> None:
    """Whatever came back: mail is forwarded."""
    reason = "550 <ap@acme.example>: unknown,\r\nask postmaster@acme.example"
    mail = render_undelivered(warning(), reason=reason, to=("ops@tollgate.example",), brand=BRAND)
    assert "acme.example" not in mail.subject + mail.text + mail.html
    assert "(address)" in mail.subject
    assert "\n" not in mail.subject
    assert mail.reference == {"tenant": "acme", "undelivered": "2026-01-15#sms#75"}


def test_a_mail_rendered_again_is_the_same() -> None:
    """However much later: all its numbers are the notice's own."""
    assert samples() == SAMPLES


@pytest.mark.parametrize("share", ["0", "0.5", "1", "1.7"])
def test_the_bar_is_drawn_within_its_track(share: str) -> None:
    """From nothing to full, and no further; it turns red when full."""
    contract = sample_contract()
    notice = warning(used=Decimal(50_000) * Decimal(share), at=FULL_AT + timedelta(days=1))
    mail = render(notice, contract, allowance=contract.allowances["sms"], brand=BRAND)
    widths = {int(width) for width in re.findall(r'width="(\d+)%" height', mail.html)}
    assert widths == ({min(100, int(Decimal(share) * 100))} if Decimal(share) else set())
    assert ("#c62828" in mail.html) == (Decimal(share) >= 1)


def test_an_address_to_follow_is_never_broken() -> None:
    """Even one longer than a line."""
    url = "https://pay.example/" + "a-b" * 60
    assert url in wrapped(f"Pay the open amount: {url} or ask us.").splitlines()


def facts(mail: Mail) -> Mapping[str, str]:
    return dict(re.findall(r"(?m)^([A-Z][\w ]+):  *(.+)$", mail.text))


def test_the_numbers_of_a_mail_add_up() -> None:
    """Used and remaining are what is included; what goes beyond is named."""
    assert facts(SAMPLES["usage-warning-sms"])["Remaining"] == "12,500 SMS"
    assert facts(SAMPLES["limit-reached-billed"])["Beyond the included amount"] == "USD 0.01 in WhatsApp fees"
    assert facts(SAMPLES["limit-reached-billed"])["Remaining"] == "USD 0.00 in WhatsApp fees"


def test_a_change_is_told_to_those_of_before_and_after_and_hands_nobody_the_page() -> None:
    """Whoever was just taken off, or put on by somebody unknown, gets no new link; a link that was asked for is one."""
    for name in (name for name in SAMPLES if name.startswith("settings-changed")):
        assert BRAND.portal_url not in SAMPLES[name].text + SAMPLES[name].html
    assert SAMPLES["settings-changed"].to == ("ops@acme.example", "jo@retail.example", "li@retail.example")
    assert BRAND.portal_url in SAMPLES["usage-link"].text
    assert SAMPLES["usage-link"].to == ("ops@acme.example",)
    without = render(LINK, sample_contract(), brand=replace(BRAND, portal_url=""))
    assert "See your usage" not in without.text


def test_a_change_that_was_not_given_cannot_be_told() -> None:
    """A mail that says that something changed, but not what, would be worse than none."""
    with pytest.raises(NotFound):
        render(replace(CHANGED, change=None), sample_contract(), brand=BRAND)
