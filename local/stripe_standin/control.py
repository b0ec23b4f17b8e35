"""Control routes under /_standin: JSON in, JSON out. They are the stand-in's own; Stripe has nothing like them."""

import json
import re
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from . import render, states
from .account import EVENT, INVOICE, KEY, OBJECT_KINDS, STATE, Account
from .api import Answer, Api, Request
from .delivery import Courier, envelope
from .errors import StripeError
from .events import delinquent
from .settings import Settings
from .store import Record
from .switches import EventSwitch, RequestSwitch, Switches

Handler = Callable[..., Any]


class ClockOrder(BaseModel):
    """Exactly one of: `now` (with `frozen`), `advance_seconds`, `release`."""

    model_config = ConfigDict(extra="forbid")

    now: int | None = None
    frozen: bool = False
    advance_seconds: int | None = None
    release: bool = False


class WebhookOrder(BaseModel):
    """Where signed webhooks go; url None switches them off."""

    model_config = ConfigDict(extra="forbid")

    url: str | None
    secret: str | None = None
    secrets: list[str] = []


class BusOrder(BaseModel):
    """The event bus; name None switches it off."""

    model_config = ConfigDict(extra="forbid")

    name: str | None
    endpoint_url: str | None = None
    region: str = "us-east-1"
    source: str = Settings.model_fields["bus_source"].default


class PayOrder(BaseModel):
    """A customer's payment in minor units; None pays what is open."""

    model_config = ConfigDict(extra="forbid")

    amount: int | None = Field(default=None, gt=0)
    out_of_band: bool = False


class Control:
    """The routes, bound to one account."""

    def __init__(self, account: Account, api: Api, switches: Switches, courier: Courier) -> None:
        self.account = account
        self.api = api
        self.switches = switches
        self.courier = courier
        self._routes: list[tuple[str, str, Handler]] = [
            ("GET", r"/state", self.state),
            ("POST", r"/reset", self.reset),
            ("GET", r"/clock", self.clock),
            ("POST", r"/clock", self.move_clock),
            ("GET", r"/settings", self.settings),
            ("POST", r"/settings", self.change_settings),
            ("POST", r"/webhook", self.set_webhook),
            ("POST", r"/bus", self.set_bus),
            ("GET", r"/switches", self.shown_switches),
            ("POST", r"/switches/(requests|events)", self.add_switch),
            ("DELETE", r"/switches", self.clear_switches),
            ("POST", r"/invoices/(in_\w+)/pay", self.pay),
            ("POST", r"/invoices/(in_\w+)/fail_payment", self.fail_payment),
            ("POST", r"/events/release", self.release_events),
            ("POST", r"/events/(evt_\w+)/redeliver", self.redeliver),
            ("GET", r"/events/(evt_\w+)/envelope", self.envelope),
            ("GET", r"/requests", self.requests),
            ("DELETE", r"/requests", self.clear_requests),
        ]

    def answer(self, request: Request, path: str) -> Answer:
        """`path` is what follows /_standin."""
        with self.account.store.lock:
            return self._answer(request, path)

    def _answer(self, request: Request, path: str) -> Answer:
        try:
            given = json.loads(request.body) if request.body.strip() else {}
            if not isinstance(given, dict):
                raise StripeError("a JSON object is expected")
            for method, pattern, handler in self._routes:
                match = re.fullmatch(pattern, path)
                if match and method == request.method:
                    return Answer(200, {"result": handler(*match.groups(), **given)})
            raise StripeError(f"no control route {request.method} {path}", status=404)
        except StripeError as error:
            self.account.rollback()
            return Answer(error.status, error.body())
        except (ValidationError, TypeError, json.JSONDecodeError) as error:
            self.account.rollback()
            return Answer(400, StripeError(str(error)).body())

    # ---- state, clock, settings --------------------------------------------------------------------------------------
    def state(self) -> Record:
        return {
            "now": self.account.now,
            "counts": {kind: len(self.account.store.all(kind)) for kind in OBJECT_KINDS},
            "settings": self.settings(),
            "switches": self.switches.shown(),
            "held_events": self.courier.held,
            "undelivered_events": self.courier.undelivered(),
            "delivery_problems": dict(self.courier.last_problems),
            "requests": len(self.api.log),
        }

    def reset(self) -> Record:
        """Forgets all objects, keys, switches, the clock and the log; settings and destinations stay."""
        self.courier.clear()
        self.switches.clear()
        self.account.store.clear(*OBJECT_KINDS, KEY)
        self.account.versions.clear()
        self.account.clock.release()
        self.api.log.clear()
        self._save_clock()
        return self.state()

    def clock(self) -> Record:
        clock = self.account.clock
        return {"now": clock.now(), "offset_seconds": clock.offset_seconds, "frozen": clock.frozen_at is not None}

    def move_clock(self, **given: Any) -> Record:
        """Sets, advances or releases the clock, and does what falls due by it."""
        order = ClockOrder(**given)
        if order.now is not None:
            self.account.clock.set(order.now, frozen=order.frozen)
        if order.advance_seconds is not None:
            self.account.clock.advance(order.advance_seconds)
        if order.release:
            self.account.clock.release()
        self._save_clock()
        self.api.let_time_pass()
        return self.clock()

    def _save_clock(self) -> None:
        clock = self.account.clock
        saved = {"id": "clock", "offset_seconds": clock.offset_seconds, "frozen_at": clock.frozen_at}
        self.account.save(STATE, saved)
        self.api.commit()

    def settings(self) -> Record:
        shown = self.account.settings.model_dump()
        return {**shown, "webhook_secrets": ["whsec_…" for _ in shown["webhook_secrets"]]}

    def change_settings(self, **given: Any) -> Record:
        self._apply(given)
        return self.settings()

    def _apply(self, changes: Record) -> None:
        self.account.settings = Settings.model_validate({**self.account.settings.model_dump(), **changes})
        self.account.save(STATE, {"id": "settings", **self.account.settings.model_dump()})
        self.api.commit()

    def set_webhook(self, **given: Any) -> Record:
        order = WebhookOrder(**given)
        secrets = [*([order.secret] if order.secret else []), *order.secrets]
        if order.url and not (secrets or self.account.settings.webhook_secrets):
            raise StripeError("a webhook needs a secret", param="secret")
        self._apply({"webhook_url": order.url} | ({"webhook_secrets": secrets} if secrets else {}))
        return self.settings()

    def set_bus(self, **given: Any) -> Record:
        order = BusOrder(**given)
        self._apply({f"bus_{name}": value for name, value in order.model_dump().items()})
        return self.settings()

    # ---- switches ----------------------------------------------------------------------------------------------------
    def shown_switches(self) -> Record:
        return dict(self.switches.shown())

    def add_switch(self, kind: str, **given: Any) -> Record:
        self.switches.add(RequestSwitch(**given) if kind == "requests" else EventSwitch(**given))
        return self.shown_switches()

    def clear_switches(self) -> Record:
        self.switches.clear()
        return self.shown_switches()

    # ---- what customers do -------------------------------------------------------------------------------------------
    def pay(self, identity: str, **given: Any) -> Record:
        """A payment of any amount: less leaves the invoice open, more becomes credit."""
        order = PayOrder(**given)
        self.api.let_time_pass()
        invoice = self.account.find(INVOICE, identity, "invoice", in_path=True)
        amount = order.amount if order.amount is not None else self._remaining(invoice)
        after = states.received(self.account, invoice, amount=amount, out_of_band=order.out_of_band)
        self.api.commit()
        return render.invoice(self.account, after)

    def _remaining(self, invoice: Record) -> int:
        remaining: int = invoice.get("amount_due", 0) - invoice["amount_paid"]
        return remaining

    def fail_payment(self, identity: str) -> Record:
        self.api.let_time_pass()
        invoice = self.account.find(INVOICE, identity, "invoice", in_path=True)
        if invoice["status"] not in states.TRANSITIONS["pay"]:
            raise StripeError(f"An invoice with status {invoice['status']} takes no payment")
        after = states.failed(self.account, invoice)
        delinquent(self.account, after["customer"], delinquent=True)
        self.api.commit()
        return render.invoice(self.account, after)

    # ---- events ------------------------------------------------------------------------------------------------------
    def release_events(self, *, reverse: bool = False) -> Record:
        return {"released": self.courier.release(reverse=reverse)}

    def redeliver(self, identity: str, *, copies: int = 1) -> Record:
        event = self.account.find(EVENT, identity, "id", in_path=True)
        self.courier.redeliver(event, copies)
        return render.event(event)

    def envelope(self, identity: str) -> Record:
        """The event as EventBridge would hand it to a handler."""
        settings = self.account.settings
        event = self.account.find(EVENT, identity, "id", in_path=True)
        return envelope(render.event(event), source=settings.bus_source, region=settings.bus_region)

    # ---- the request log ---------------------------------------------------------------------------------------------
    def requests(self) -> list[Record]:
        """Method, target, headers and body of the last requests; of API keys only the prefix."""
        return [_without_key(asdict(request)) for request in self.api.log]

    def clear_requests(self) -> Record:
        self.api.log.clear()
        return {"requests": 0}


def _without_key(logged: Record) -> Record:
    authorization = logged["headers"].get("authorization", "")
    return {**logged, "headers": {**logged["headers"], "authorization": re.sub(r"(_test_).*", r"\1…", authorization)}}


def saved_state(account: Account) -> tuple[Settings, Record | None]:
    """The settings and the clock of the last run, from the account's store."""
    settings = account.store.get(STATE, "settings")
    known = {name: value for name, value in (settings or {}).items() if name in Settings.model_fields}
    return Settings(**known), account.store.get(STATE, "clock")
