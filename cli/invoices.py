"""`tollgate invoices` and `tollgate invoice …`: what is, or will be, on a customer's bill, and finance's decisions."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import click

from cli import pages
from cli.options import AS_JSON, DAY, on_target
from cli.output import show
from cli.target import Target
from tollgate import clock
from tollgate.domain.errors import Conflict
from tollgate.domain.invoices import APPROVED
from tollgate.domain.statement import CARRIED, DRAFT, NIL
from tollgate.stages import views
from tollgate.stages.issue import approve_invoice

STATUSES = (DRAFT, NIL, CARRIED, APPROVED, "open", "paid", "void", "uncollectible")


def _named(_ctx: click.Context, _option: click.Parameter, value: str) -> str:
    if not value.strip():
        raise click.BadParameter("a name is expected: nobody acts without one")
    return value.strip()


@click.command()
@click.option("--tenant", default=None, help="Only this tenant's.")
@click.option("--status", default=None, type=click.Choice(STATUSES), help="Only those with this status.")
@AS_JSON
@on_target
def invoices(target: Target, tenant: str | None, status: str | None, as_json: bool) -> None:
    """Invoices with their lines."""
    runtime = target.runtime()
    if tenant is not None:
        views.current_contract(runtime.contracts.versions(tenant), tenant)
    tenants = runtime.contracts.tenants() if tenant is None else [tenant]
    found = [invoice for one in tenants for invoice in runtime.invoices.invoices(one)]
    rows = [views.invoice_view(invoice) for invoice in found if status in (None, invoice.status)]
    if not as_json:
        rows = [row | {"note": row["error"] or row["flags"]} for row in rows]
    columns = ("tenant", "period", "revision", "status", "currency", "total", "due_date", "number", "note")
    show(rows, as_json=as_json, columns=columns)


@click.group()
def invoice() -> None:
    """One invoice, and decisions about it."""


@invoice.command("show")
@click.argument("tenant")
@click.argument("period", type=DAY, metavar="PERIOD")
@AS_JSON
@on_target
def invoice_show(target: Target, tenant: str, period: datetime, as_json: bool) -> None:
    """The statement of one period, named by its first day."""
    found = target.runtime().invoices.invoice(tenant, period.date())
    show(views.invoice_view(found), as_json=as_json, page=pages.statement)


@invoice.command("approve")
@click.argument("tenant")
@click.argument("period", type=DAY, metavar="PERIOD")
@click.option("--revision", required=True, type=int, help="The revision that was read.")
@click.option("--by", required=True, callback=_named, help="Who approves it.")
@click.option("--at", default=None, help="Only on this machine: approve as if at this time.")
@AS_JSON
@on_target
def invoice_approve(
    target: Target, tenant: str, period: datetime, revision: int, by: str, at: str | None, as_json: bool
) -> None:
    """Approve the revision of a draft that was read; Stripe gets it from there."""
    if at is not None and not target.is_local:
        raise click.UsageError("--at is for the stack on this machine: approvals bear the time they are given")
    runtime = target.runtime()
    approved = approve_invoice(
        tenant,
        period.date(),
        revision=revision,
        by=by,
        contracts_rows=runtime.contracts,
        invoices=runtime.invoices,
        now=clock.scheduled(at) if at else clock.now(),
    )
    show(views.invoice_view(approved), as_json=as_json, page=_approved)


def _approved(view: dict[str, Any]) -> str:
    return f"{view['tenant']} {view['period']}: {view['currency']} {view['total']} approved, due {view['due_date']}"


@invoice.command("retry")
@click.argument("tenant")
@click.argument("period", type=DAY, metavar="PERIOD")
@on_target
def invoice_retry(target: Target, tenant: str, period: datetime) -> None:
    """Send an approved invoice to Stripe once more, after what Stripe refused was mended there."""
    found = target.runtime().invoices.invoice(tenant, period.date())
    if found.status != APPROVED:
        raise Conflict(f"invoice {found.name} of {tenant} is {found.status}, not {APPROVED}")
    target.issue(tenant, found.name)
    click.echo(f"{tenant} {found.name}: on its way to Stripe; `tollgate invoice show` tells how it went")
