"""``make run``, after `make up`: plays the year, with a progress bar, then says what happened and where to look."""

from __future__ import annotations

import sys
import threading
import time
import webbrowser
from datetime import UTC, datetime
from typing import Final

import click

from local import endpoints
from local.demo import agreements, story, summary
from local.demo.compare import compare
from local.demo.place import Place
from local.demo.year import Year
from local.stack import DEFAULT_ROOT, LocalStack
from local.steps import StepError

LABEL_WIDTH: Final = len("September 2026")


def main() -> int:
    """Exit status 0 when the year was played to its end."""
    stack = LocalStack(root=DEFAULT_ROOT)
    place = Place(stack.endpoints_file, endpoints.read(stack.endpoints_file))
    if "api.stripe.com" in place.document["stripe"]:
        print("The demo pays invoices at the stand-in: unset STRIPE_API_KEY, run `make up` again.", file=sys.stderr)
        return 1
    folder = stack.root / "contracts"
    start = agreements.begin(folder, today=datetime.now(UTC).date())
    contracts = agreements.write(folder, start=start)
    months = [story.messages(number, start=start) for number in range(story.MONTHS)]
    total = sum(len(one.shown) for month in months for some in month for one in some)
    notes: list[str] = []
    lock = threading.Lock()
    started = time.monotonic()
    print(
        f"A contract year of {len(agreements.TENANTS)} tenants, from {start:%B %Y} on:"
        f" {total:,} receipts and what follows from them."
    )
    with click.progressbar(length=total, label=f"{start:%B %Y}".ljust(LABEL_WIDTH), width=30, file=sys.stderr) as bar:

        def progress(count: int, month: str) -> None:
            with lock:
                bar.label = month.ljust(LABEL_WIDTH)
                bar.update(count)

        year = Year(place=place, start=start, contracts=contracts, progress=progress, told=notes.append)
        try:
            year.play()
            with year.clockwork.doing("comparing"):
                notes.append(compare(place, start=start))
        except StepError as failure:
            print(f"\n{failure}", file=sys.stderr)
            return 1
    print(f"\n{summary.table(place, stack, start=start)}\n")
    for note in notes:
        print(note)
    letters = place.dead_letters()
    print("Dead-letter queues: " + (", ".join(f"{name} {n}" for name, n in letters.items()) or "all empty"))
    print(f"\nWhere to look:\n{summary.where(place, stack, start=start)}")
    print(f"\n{time.monotonic() - started:.0f} s, some of it at the same time: {year.clockwork.summary()}")
    if sys.stdout.isatty():
        webbrowser.open(place.document["console"])
    return 0


if __name__ == "__main__":
    sys.exit(main())
