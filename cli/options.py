"""What commands have in common: the stack they work on, their options, and how a refusal is put."""

from __future__ import annotations

import getpass
from collections.abc import Callable
from datetime import date, datetime
from functools import wraps
from typing import Any

import click

from cli.target import find
from tollgate.adapters.aws_errors import translated
from tollgate.domain.errors import Invalid, Refused, RetryLater, RevisionChanged, TollgateError

AS_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
DAY = click.DateTime(["%Y-%m-%d"])


class Refusals(click.Group):
    """Turns errors, of Tollgate and of AWS, into one clear message and exit code 1, never a stack trace."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            with translated("AWS"):
                return super().invoke(ctx)
        except click.UsageError as error:
            error.show()
            ctx.exit(1)  # click's own 2 would tell a wrong value from a refused one; callers need not
        except TollgateError as error:
            raise click.ClickException(explained(error)) from error


def explained(error: TollgateError) -> str:
    """An error as a person at a terminal needs it: every problem on its line, and what is behind it."""
    if isinstance(error, Invalid):
        lines = "\n".join(f"  {problem}" for problem in error.problems)
        return f"{error.what} not accepted, nothing was applied:\n{lines}"
    if isinstance(error, RevisionChanged):
        moved = "\n".join(f"  {difference}" for difference in error.differences)
        return f"revision {error.named} is not the current one ({error.current}). What moved:\n{moved}"
    cause = str(error.__cause__ or "") if isinstance(error, Refused | RetryLater) else ""
    return str(error) if not cause or cause in str(error) else f"{error}: {cause}"


def day_of(value: datetime | None) -> date | None:
    """The day that an option of type ``DAY`` gave."""
    return value.date() if value else None


def acting(given: str | None) -> str:
    """Who acts: as said, else the user at this terminal. Nobody acts without a name."""
    try:
        name = (given or getpass.getuser()).strip()
    except (KeyError, OSError):
        name = ""
    if not name:
        raise click.UsageError("--by: expected who does it")
    return name


def on_target[**P, R](command: Callable[..., R]) -> Callable[..., R]:
    """Hand the stack to a command as its first argument."""

    @wraps(command)
    @click.pass_context
    def wrapped(ctx: click.Context, *args: Any, **kwargs: Any) -> R:
        return command(find(ctx.find_root().params["stack"]), *args, **kwargs)

    return wrapped
