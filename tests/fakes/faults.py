"""Crashes between outside calls: a counter shared by any number of ports, which fails one call, before or after it.

Run undisturbed once to learn the calls (``Faults().calls``), then once for each call and each side of it::

    faults = Faults(at=3, after=True)
    stage(rows=faults.wrap(rows.ledger), bus=faults.wrap(bus))   # the third call is made, then Crash is raised
"""

from collections.abc import Callable, Iterator
from typing import Any, cast


class Crash(BaseException):
    """The process is gone. Not an Exception: nothing in the product may catch it."""


class Faults:
    """Raises ``error`` before or after the ``at``-th call (from 1) of the ports it wraps; counts and names them all.

    ``only`` narrows the count to methods of that name. After it has fired once, everything works again; with ``always``
    it fires before each call that counts. While it ``stays_down`` nothing works once it has fired, as when the process
    is gone: whatever cleans up on the way out does not come through either.
    """

    def __init__(
        self,
        *,
        at: int = 0,
        after: bool = False,
        error: BaseException | None = None,
        only: str | None = None,
        always: bool = False,
    ) -> None:
        self.at, self.after, self.only, self.always = at, after, only, always
        self.error = error or Crash(f"crashed {'after' if after else 'before'} call {at}")
        self.calls: list[str] = []
        self.fired = False
        self.stays_down = False

    def wrap[P](self, port: P) -> P:
        """The port with its calls counted and one of them failing."""
        return cast(P, _Wrapped(port, self))

    def around(self, name: str, call: Callable[[], Any]) -> Any:
        """Make one call, or fail on either side of it."""
        if self.fired and self.stays_down:
            raise self.error
        self.calls.append(name)
        counted = len(self.calls) if self.only is None else sum(c.endswith("." + self.only) for c in self.calls)
        concerned = self.only is None or name.endswith("." + self.only)
        fires = concerned and (self.always or (not self.fired and counted == self.at))
        if fires and not self.after:
            self.fired = True
            raise self.error
        answer = call()
        if fires:
            self.fired = True
            raise self.error
        return answer


class _Wrapped:
    def __init__(self, port: object, faults: Faults) -> None:
        self._port, self._faults = port, faults

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._port, name)
        if not callable(found):
            return found
        label = f"{type(self._port).__name__}.{name}"
        return lambda *args, **kwargs: self._faults.around(label, lambda: found(*args, **kwargs))


def every_fault(calls: int) -> Iterator[Faults]:
    """A crash before and one after each of so many calls."""
    for at in range(1, calls + 1):
        yield Faults(at=at)
        yield Faults(at=at, after=True)
