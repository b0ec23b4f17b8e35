"""Render: pages out of templates.

Always true: everything a template prints is escaped unless a function of ours made it as markup; a name that is not
there is an error and never an empty place.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from tollgate.console import assets, look, sessions
from tollgate.console.answers import Flash, Page
from tollgate.console.request import Request
from tollgate.domain.calendar import Span
from tollgate.domain.explanation import exact_money
from tollgate.mails.brand import Brand
from tollgate.mails.wording import wording

TEMPLATES: Final = Path(__file__).parent / "templates"
WORDS: Final = wording("en_US")
THEMES: Final = frozenset({"light", "dark"})


def rendered(page: Page, request: Request, *, flash: Flash | None = None) -> str:
    """The page's HTML, or that of the one block that htmx wants to replace."""
    template = environment().get_template(page.template)
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
        "brand": brand,
        "person": None,
        "may": _nothing,
        "csrf": "",
        "theme": "",
        "flash": None,
        "confirming": "",
    }
    return environment().get_template(page.template).render({**nobody, **page.values})


def _nothing(_action: str) -> bool:
    return False


def _common(request: Request, flash: Flash | None) -> Mapping[str, Any]:
    """What every template may use."""
    session, theme = request.session, request.cookies.get("theme", "")
    return {
        "request": request,
        "brand": request.ports.brand,
        "person": session.person if session else None,
        "may": session.person.may if session else _nothing,
        "csrf": sessions.form_token(request.binding, key=request.ports.console_key) if request.binding else "",
        "theme": theme if theme in THEMES else "",
        "flash": flash,
        "confirming": request.query.one("confirm"),
    }


@lru_cache
def environment() -> Environment:
    """The template engine."""
    engine = Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    engine.globals |= {"asset": assets.address, "look": look.address}
    engine.filters |= {
        "money": money,
        "exact": exact_money,
        "count": count,
        "day": day,
        "moment": moment,
        "month": month,
        "percent": WORDS.percent,
    }
    return engine


def money(amount: Decimal, currency: str) -> str:
    """``USD 1,234.50``."""
    return WORDS.money(amount, currency)


def count(number: int | Decimal) -> str:
    """``1,234``."""
    return WORDS.count(Decimal(number))


def day(value: date) -> str:
    """``March 10, 2026``."""
    return WORDS.day(value)


def moment(at: datetime, timezone: str = "UTC") -> str:
    """A time in a time zone, to the minute."""
    return WORDS.moment(at, timezone)


def month(span: Span) -> str:
    """``March 2026``, or from the first to the last day of a part of a month."""
    return WORDS.span(span)
