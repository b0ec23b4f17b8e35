"""Render: pages out of templates.

Always true: everything a template prints is escaped unless a function of ours made it as markup; a name that is not
there is an error and never an empty place.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from tollgate.console import assets, language, look, sessions
from tollgate.console.answers import Flash, Page
from tollgate.console.request import Request
from tollgate.console.usage import UseInWords
from tollgate.mails.brand import Brand
from tollgate.mails.wording import STAFF_LOCALE, wording

TEMPLATES: Final = Path(__file__).parent / "templates"
WORDS: Final = wording(STAFF_LOCALE)
"""Those of our own people's pages."""
_AMOUNT: Final = re.compile(r"(?<=\b[A-Z]{3}) (?=[-\d])|(?<=\d) (?=[A-Z]{3}\b)")
THEMES: Final = frozenset({"light", "dark"})


def rendered(page: Page, request: Request, *, flash: Flash | None = None) -> str:
    """The page's HTML, or that of the one block that htmx wants to replace."""
    template = environment(page.locale).get_template(page.template)
    values = {**_common(request, flash), **page.values}
    block = template.blocks.get(request.fragment.replace("-", "_")) if request.fragment else None
    if block is None:
        return template.render(values)
    context = template.new_context(values)
    next(template.root_render_func(context), None)  # up to the first output: runs the template's imports for the block
    return "".join(block(context))


def bare(page: Page, brand: Brand) -> str:
    """The page for a request that could not be read or leads nowhere: nobody is known."""
    nobody = {
        "request": None,
        "is_customers": False,
        "brand": brand,
        "person": None,
        "may": _nothing,
        "csrf": "",
        "theme": "",
        "flash": None,
        "confirming": "",
    }
    return environment(page.locale).get_template(page.template).render({**nobody, **page.values})


def _nothing(_action: str) -> bool:
    return False


def _common(request: Request, flash: Flash | None) -> Mapping[str, Any]:
    """What every template may use."""
    session, theme = request.session, request.cookies.get("theme", "")
    return {
        "request": request,
        "is_customers": language.is_customers(request),
        "brand": request.ports.brand,
        "person": session.person if session else None,
        "may": session.person.may if session else _nothing,
        "csrf": sessions.form_token(request.binding, key=request.ports.console_key) if request.binding else "",
        "theme": theme if theme in THEMES else "",
        "flash": flash,
        "confirming": request.query.one("confirm"),
    }


def environment(locale: str = STAFF_LOCALE) -> Environment:
    """The template engine that speaks the words of a locale."""
    return _engine(locale)


@lru_cache(maxsize=16)
def _engine(locale: str) -> Environment:
    engine = Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    words = wording(locale)
    engine.globals |= {
        "asset": assets.address,
        "look": look.address,
        "say": words.say,
        "counted": words.counted,
        "lang": words.tag,
        "use": UseInWords(words),
    }
    engine.filters |= {
        "money": words.money,
        "exact": words.exact,
        "count": lambda number: words.count(Decimal(number)),
        "change": words.change,
        "day": words.day,
        "days": words.days,
        "dated": lambda reference: words.day(date.fromisoformat(reference[:10])),
        "moment": lambda at, timezone="UTC": words.moment(at, timezone),
        "instant": instant,
        "month": words.span,
        "month_of": words.month,
        "percent": words.percent,
        "meter": words.meter,
        "category": words.category,
        "market": words.market,
        "unbroken": unbroken,
    }
    return engine


def instant(at: datetime) -> str:
    """A moment to the second, as whoever reported it has it: with its distance from UTC, where there is one."""
    return at.isoformat(" ", "seconds").replace("+00:00", " UTC")


def unbroken(sentence: str) -> str:
    """A sentence whose amounts stay on one line with their currency's code."""
    return _AMOUNT.sub("\u00a0", sentence)


def part(template: str, values: Mapping[str, Any], *, locale: str) -> Markup:
    """A part of a page that speaks another language than the page around it."""
    return Markup(environment(locale).get_template(template).render(values))  # noqa: S704 - escaped by the template


def money(amount: Decimal, currency: str) -> str:
    """``USD 1,234.50``, for our own people."""
    return WORDS.money(amount, currency)


def count(number: int | Decimal) -> str:
    """``1,234``, for our own people."""
    return WORDS.count(Decimal(number))


def day(value: date) -> str:
    """``March 10, 2026``, for our own people."""
    return WORDS.day(value)
