"""`tollgate`: one command group per thing one may ask of it or do to it."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click

from cli import pages
from cli.exports import export, exports
from cli.files import text_of, yaml_of
from cli.invoices import invoice, invoices
from cli.options import AS_JSON, DAY, Refusals, acting, day_of, on_target
from cli.output import show
from cli.target import Target
from tollgate import clock
from tollgate.domain.rate_files import read_json
from tollgate.stages import contracts, rates, redrive, reprice, views


@click.group(cls=Refusals)
@click.option("--stack", default=None, help="A deployed stack; without it, the one on this machine.")
def tollgate(stack: str | None) -> None:
    """Meter, bill, suspend and reinstate: the command line of Tollgate."""


@tollgate.group()
def contract() -> None:
    """Contracts of tenants."""


@contract.command("apply")
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--by", default=None, help="Who applies it (default: the user at this terminal).")
@on_target
def contract_apply(target: Target, files: tuple[Path, ...], by: str | None) -> None:
    """Apply contracts from YAML files, all of them or none."""
    documents = {str(file): yaml_of(file) for file in files}
    ports = target.runtime().contract_ports()
    for applied in contracts.apply(documents, ports=ports, by=acting(by), at=clock.now()):
        click.echo(f"{applied.tenant}: contract from {applied.effective} applied")


@contract.command("show")
@click.argument("tenant")
@AS_JSON
@on_target
def contract_show(target: Target, tenant: str, as_json: bool) -> None:
    """Every version of a tenant's contract, oldest first."""
    versions = target.runtime().contracts.versions(tenant)
    views.current_contract(versions, tenant)
    show([version.document() for version in versions], as_json=as_json, page=pages.contracts)


@tollgate.group("rates")
def rates_group() -> None:
    """Rate cards and market maps."""


@rates_group.command("load")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--card", required=True, help="The card's name; a sender without one uses its provider's (meta).")
@click.option("--from", "since", required=True, type=DAY, help="The first day on which it holds.")
@click.option("--dry-run", is_flag=True, help="Only show what it would change.")
@AS_JSON
@on_target
def rates_load(target: Target, file: Path, card: str, since: datetime, dry_run: bool, as_json: bool) -> None:
    """Load a rate card, or a map of calling codes to markets. A card from a past day on prices again what it priced."""
    document = read_json(text_of(file), str(file))
    runtime = target.runtime()
    loaded = rates.load(document, card=card, effective_from=since.date(), rates=runtime.rates, dry_run=dry_run)
    months = []
    if loaded.card:
        ports = runtime.meter_ports()
        months = reprice.correct_card(loaded.card, now=clock.now(), ports=ports, dry_run=dry_run)
    show(views.loaded_view(loaded, months, dry_run=dry_run), as_json=as_json, page=pages.rates)


@tollgate.group()
def fx() -> None:
    """Exchange rates."""


@fx.command("load")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--source", default="ecb", show_default=True, help="whose rates: a card's fx_source, else the ECB's")
@on_target
def fx_load(target: Target, file: Path, source: str) -> None:
    """Load the ECB's reference rates, or those that a seller charges by, from the ECB's CSV."""
    days = rates.load_fx(text_of(file), rates=target.runtime().rates, source=source)
    click.echo(f"exchange rates of {days} days loaded")


@tollgate.command()
@click.argument("tenant")
@AS_JSON
@on_target
def senders(target: Target, tenant: str, as_json: bool) -> None:
    """The accounts at providers whose messages are a tenant's."""
    runtime = target.runtime()
    current = views.current_contract(runtime.contracts.versions(tenant), tenant)
    held = runtime.contracts.senders({(sender.provider, sender.account) for sender in current.senders})
    rows = [
        {
            "provider": one.provider,
            "account": one.account,
            "phone_number_id": one.number or None,
            "from": views.timestamp(one.since),
            "card": one.card,
        }
        for assignments in held.values()
        for one in assignments
        if one.tenant == tenant
    ]
    show(rows, as_json=as_json, columns=("provider", "account", "phone_number_id", "from", "card"))


@tollgate.command()
@click.argument("tenant")
@click.option("--on", type=DAY, default=None, help="A day of the term to show.")
@AS_JSON
@on_target
def usage(target: Target, tenant: str, on: datetime | None, as_json: bool) -> None:
    """Usage of a term against its allowances, by day."""
    runtime = target.runtime()
    view = views.usage_view(
        tenant, contracts_rows=runtime.contracts, ledger=runtime.ledger, now=clock.now(), on=day_of(on)
    )
    show(view, as_json=as_json, page=pages.usage)


@tollgate.command()
@click.argument("tenant")
@click.option("--on", type=DAY, default=None, help="A day of the term to show.")
@AS_JSON
@on_target
def standing(target: Target, tenant: str, on: datetime | None, as_json: bool) -> None:
    """Whether each service of a tenant may be used now."""
    rt = target.runtime()
    view = views.standing_view(
        tenant, contracts_rows=rt.contracts, ledger=rt.ledger, holds=rt.holds, now=clock.now(), on=day_of(on)
    )
    show(view, as_json=as_json, page=pages.standing)


@tollgate.command()
@click.argument("tenant")
@AS_JSON
@on_target
def notices(target: Target, tenant: str, as_json: bool) -> None:
    """What a tenant was told, and how its mails stand."""
    runtime = target.runtime()
    current = views.current_contract(runtime.contracts.versions(tenant), tenant)
    rows = [views.notice_view(notice, mail, current) for notice, mail in runtime.notices.notices(tenant)]
    columns = ("at", "kind", "meter", "line", "used", "included", "period", "mail.status", "mail.to")
    show(rows, as_json=as_json, columns=columns)


@tollgate.command()
@click.argument("tenant")
@AS_JSON
@on_target
def holds(target: Target, tenant: str, as_json: bool) -> None:
    """Why services of a tenant are, or were, suspended."""
    runtime = target.runtime()
    views.current_contract(runtime.contracts.versions(tenant), tenant)
    rows = [views.hold_view(hold) for hold in runtime.holds.holds(tenant)]
    show(rows, as_json=as_json, columns=("scope", "cause", "reference", "opened_at", "lifted_at"))


tollgate.add_command(invoices)
tollgate.add_command(export)
tollgate.add_command(exports)
tollgate.add_command(invoice)


@tollgate.command("run")
@click.argument("schedule")
@click.option("--at", required=True, help="The time it is fired at, ISO 8601 with a time zone.")
@AS_JSON
@on_target
def run_schedule(target: Target, schedule: str, at: str, as_json: bool) -> None:
    """Fire a schedule with a time, and wait for it."""
    clock.scheduled(at)
    show(target.run(schedule, at), as_json=as_json, page=pages.run)


@tollgate.group()
def quarantine() -> None:
    """Facts that could not be counted yet."""


@quarantine.command("list")
@click.option("--reason", default=None, help="Only those with this reason.")
@AS_JSON
@on_target
def quarantine_list(target: Target, reason: str | None, as_json: bool) -> None:
    """What is quarantined, and why."""
    rows = [views.quarantine_view(row) for row in target.runtime().quarantine.rows(reason)]
    show(rows, as_json=as_json, columns=("at", "reason", "provider", "facts.account", "facts.meter", "message"))


@quarantine.command("redrive")
@click.option("--reason", default=None, help="Only those with this reason.")
@AS_JSON
@on_target
def quarantine_redrive(target: Target, reason: str | None, as_json: bool) -> None:
    """Count what can be counted now, each message on its own day."""
    redriven = redrive.redrive(reason=reason, ports=target.runtime().meter_ports(), now=clock.now())
    if as_json:
        show({"counted": redriven.counted, "kept": redriven.kept}, as_json=True)
    else:
        click.echo(f"{redriven.counted} counted, {redriven.kept} stay")
