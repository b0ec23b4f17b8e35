"""`tollgate export` and `tollgate exports`: have a file of records made, and see how each stands."""

from __future__ import annotations

from datetime import datetime

import click

from cli.options import AS_JSON, DAY, acting, on_target
from cli.output import show
from cli.target import Target
from tollgate import clock
from tollgate.domain.exports import STAFF, Selection
from tollgate.stages import views
from tollgate.stages.exports import request_export, shown
from tollgate.stages.views_exports import export_view

COLUMNS = ("number", "first", "last", "state", "rows", "size", "side", "by")


@click.command()
@click.argument("tenant")
@click.option("--from", "first", required=True, type=DAY, help="The first day.")
@click.option("--to", "last", required=True, type=DAY, help="The last day, included.")
@click.option("--by", default=None, help="Who asks (default: the user at this terminal).")
@AS_JSON
@on_target
def export(target: Target, tenant: str, first: datetime, last: datetime, by: str | None, as_json: bool) -> None:
    """Have a tenant's records of some days made as a file. It is downloaded from the console or by the API."""
    runtime, now = target.runtime(), clock.now()
    asked = request_export(
        tenant,
        Selection(first=first.date(), last=last.date()),
        side=STAFF,
        by=acting(by),
        contracts=runtime.contracts,
        exports=runtime.exports,
        now=now,
    )
    view = export_view(asked, now=now)
    show(view if as_json else [view], as_json=as_json, columns=COLUMNS)


@click.command()
@click.argument("tenant")
@AS_JSON
@on_target
def exports(target: Target, tenant: str, as_json: bool) -> None:
    """The latest files of a tenant's records, and how each stands."""
    runtime, now = target.runtime(), clock.now()
    views.current_contract(runtime.contracts.versions(tenant), tenant)
    rows = [export_view(one, now=now) for one in shown(tenant, side=STAFF, exports=runtime.exports)]
    show(rows, as_json=as_json, columns=COLUMNS)
