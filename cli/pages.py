"""What is more than one table, as a person reads it: usage, standing, contracts, statements, runs.

Always true: a page is made of the JSON that the same command prints for programs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

import yaml

from cli.output import table

type Json = Mapping[str, Any]


def usage(view: Json) -> str:
    """A term's totals against what is included, then its days."""
    term = view["term"]
    rows = [
        {"meter": meter, **totals, **_measured(view["allowances"].get(meter))}
        for meter, totals in view["meters"].items()
    ]
    last = date.fromisoformat(term["end"]) - timedelta(days=1)
    return "\n\n".join(
        [
            f"{view['tenant']}, term from {term['start']} through {last}",
            table(rows, ("meter", "messages", "segments", "fees", "used", "included", "share", "measure", "beyond")),
            table(view["days"], ("date", "meter", "messages", "segments", "fees", "category", "market")),
        ]
    )


def _measured(allowance: Json | None) -> Json:
    if allowance is None:
        return {}
    share = None if allowance["share"] is None else f"{allowance['share'] * 100:.1f}%"
    return {**allowance, "share": share}


def standing(view: Json) -> str:
    """One row a service, then what holds it."""
    services = view["services"]
    rows = [{"service": name, "state": one["state"], "remaining": one["remaining"]} for name, one in services.items()]
    holds = [{"service": name, **hold} for name, one in services.items() for hold in one["holds"]]
    parts = [str(view["tenant"]), table(rows, ("service", "state", "remaining"))]
    if holds:
        parts.append(table(holds, ("service", "cause", "reference", "opened_at")))
    return "\n\n".join(parts)


def rates(view: Json) -> str:
    """What a rates file changes: prices, then what messages that are counted cost another fee."""
    verb = "would be loaded" if view["dry_run"] else "loaded"
    parts = [f"  {change}" for change in view["changes"]]
    parts.append(f"{view['kind']} {view['reference']} {verb}, {len(view['changes'])} changes")
    if view["repriced"]:
        columns = ("tenant", "month", "messages", "before", "after", "difference", "currency")
        parts += ["", f"messages that {'would ' if view['dry_run'] else ''}cost another fee:", ""]
        parts.append(table(view["repriced"], columns))
    return "\n".join(parts)


def contracts(versions: Sequence[Json]) -> str:
    """Every version as the YAML that could be applied again, each under the day from which it holds."""
    return "\n---\n".join(
        f"# holds from {version.get('from') or version['term']['start']}\n"
        + yaml.safe_dump(dict(version), sort_keys=False, allow_unicode=True, width=90).rstrip()
        for version in versions
    )


def statement(view: Json) -> str:
    """An invoice with its lines, as finance reads it before approving."""
    currency = view["currency"]
    total = {"description": "total", "quantity": None, "amount": view["total"]}
    lines = [*view["lines"], total]
    facts = {
        "approved by": view["approved_by"],
        "due": view["due_date"],
        "number": view["number"],
        "Stripe": view["stripe_invoice"],
        "flags": ", ".join(view["flags"]),
        "error": view["error"],
    }
    return "\n\n".join(
        part
        for part in (
            f"{view['tenant']}, period {view['period']}, revision {view['revision']}: {view['status']}, {currency}",
            table(lines, ("amount", "quantity", "description")),
            "\n".join(f"{name}: {value}" for name, value in facts.items() if value),
        )
        if part
    )


def run(report: Any) -> str:
    """What a schedule did: one line a thing, or that there was nothing to do."""
    if not isinstance(report, Mapping):
        return str(report)
    done = [f"{name}: {one}" for name, things in report.items() for one in _things(things)]
    return "\n".join(done) or "nothing to do"


def _things(things: Any) -> Sequence[Any]:
    return things if isinstance(things, list) else [things]
