"""The platform's own events, from the public endpoint to the usage that a command prints."""

import html
import json
import re
import urllib.error
import urllib.request
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from local.demo.place import Place
from tests.pipeline.test_console import Browser

TENANT = "eventful"
SOURCE = "https://platform.example/messaging"
ROLLED_UP_ACCOUNT = "AC-EVENTFUL"


def event(name: str, data: dict[str, Any], at: datetime, kind: str = "tollgate.message.sent") -> dict[str, Any]:
    own = {"specversion": "1.0", "source": SOURCE, "id": f"{TENANT}-{name}", "type": kind, "subject": TENANT}
    return {**own, "time": at.isoformat(), "data": data}


def posted(stack: dict[str, Any], batch: list[dict[str, Any]], *, key: str | None = None) -> tuple[int, dict[str, Any]]:
    """The status and the body of the answer to a batch."""
    headers = {
        "Content-Type": "application/cloudevents-batch+json; charset=utf-8",
        "Authorization": f"Bearer {stack['secrets']['events_key'] if key is None else key}",
    }
    request = urllib.request.Request(f"{stack['api']}/events", json.dumps(batch).encode(), headers, method="POST")
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, json.load(refused)


def test_a_batch_of_events_is_counted_once(stack: dict[str, Any], tmp_path: Path) -> None:
    """Every channel and a roll-up; the same batch again adds nothing, and another content of it is refused whole."""
    place = Place(Path(stack["mails"]).parent / "endpoints.json", stack)
    now = datetime.now(UTC).replace(microsecond=0)
    day = (now - timedelta(days=2)).replace(hour=12, minute=0, second=0)
    agreed = tmp_path / "eventful.yaml"
    agreed.write_text(
        json.dumps(
            {
                "tenant": TENANT,
                "name": "Eventful Ltd.",
                "term": {"start": str((now - timedelta(days=40)).date())},
                "contacts": {"usage": [f"usage@{TENANT}.example"]},
                "senders": [
                    {"provider": "platform", "account": TENANT},
                    {"provider": "platform", "account": f"rollup:twilio:{ROLLED_UP_ACCOUNT}"},
                ],
            }
        ),
        encoding="utf-8",
    )
    place.command("contract", "apply", agreed)
    rolled_up = {
        "provider": "twilio",
        "account": ROLLED_UP_ACCOUNT,
        "channel": "mms",
        "start": day.replace(hour=0).isoformat(),
        "end": (day.replace(hour=0) + timedelta(days=1)).isoformat(),
        "messages": 400,
        "amount": "8.4000",
        "currency": "USD",
    }
    recipient = "+14255550156"
    batch = [
        event(
            "sms", {"channel": "sms", "segments": 3, "price": "0.0237", "currency": "USD", "recipient": recipient}, day
        ),
        event("rcs", {"channel": "rcs", "price": 0.05, "currency": "USD", "recipient": recipient}, day),
        event("call", {"seconds": 125, "price": "0.0420", "currency": "USD"}, day, "tollgate.call.completed"),
        event("push", {"quantity": 1500}, day, "tollgate.push.sent"),
        event("roll-up", rolled_up, now, "tollgate.usage.rolled-up"),
    ]
    corrected = {
        "provider": "platform",
        "account": TENANT,
        "channel": "sms",
        "message": f"{TENANT}-sms",
        "sent_at": day.isoformat(),
        "segments": 3,
        "price": "0.0225",
        "currency": "USD",
    }

    assert posted(stack, batch, key="another key")[0] == 401
    status, refused = posted(stack, [*batch, event("bad", {"channel": "fax"}, day)])
    assert (status, [(one["index"], one["path"]) for one in refused["errors"]]) == (400, [(5, "data.channel")])
    assert posted(stack, batch) == (202, {"accepted": 5})
    assert posted(stack, batch) == (202, {"accepted": 5})
    other = {**batch[0], "data": {**batch[0]["data"], "segments": 4}}
    status, conflict = posted(stack, [other, event("never", {"channel": "sms"}, day)])
    assert (status, conflict["events"]) == (409, [{"index": 0, "source": SOURCE, "id": f"{TENANT}-sms"}])
    assert posted(stack, [event("correction", corrected, now, "tollgate.price.corrected")])[0] == 202
    place.drain()

    usage = place.command("usage", TENANT, "--json")
    counted = {meter: (row["messages"], row["segments"], row["fees"]) for meter, row in usage["meters"].items()}
    amounts = {"sms": "0.0225", "rcs": "0.05", "voice": "0.0420", "push": "0", "mms": "8.4000"}
    assert {meter: row[:2] for meter, row in counted.items() if row[0]} == {
        "sms": (1, 3),
        "rcs": (1, 1),
        "voice": (1, 3),
        "push": (1500, 1500),
        "mms": (400, 400),
    }
    assert {meter: Decimal(counted[meter][2]) for meter in amounts} == {m: Decimal(a) for m, a in amounts.items()}
    assert not [row for row in place.command("quarantine", "list", "--json") if row["message"].startswith(SOURCE)]

    browser, named = Browser(stack["api"]), urlencode({"provider": "platform", "message": f"{SOURCE}|{TENANT}-sms"})
    browser.sign_in("frances")
    page = browser.get(f"/console/messages/{TENANT}?{named}").data.decode()
    receipts = re.findall(r'href="(/console/messages/eventful/receipt[^"]*)"', page)
    assert len(receipts) == 3, "the batch, the batch again and the correction"
    for href, amount in zip(receipts, ("0.0237", "0.0237", "0.0225"), strict=True):
        receipt = browser.get(html.unescape(href)).data.decode()
        assert f"&#34;price&#34;: &#34;{amount}&#34;" in receipt
        assert not [hidden for hidden in (recipient, f"{TENANT}-rcs", "8.4000") if hidden in receipt]

    # The nightly comparison, once the roll-up's day has been over for three days: by the deployed function's own role.
    night = (now + timedelta(days=3)).isoformat()
    report = place.command("run", "reconcile", "--at", night, "--json")
    assert TENANT in report["compared"]
    assert of_tenant(report) == {}
    line = {**rolled_up, "messages": 401, "statement": "S-1", "line": "1"}
    assert posted(stack, [event("line", line, now, "tollgate.statement.line")])[0] == 202
    [(cause, [words])] = of_tenant(place.command("run", "reconcile", "--at", night, "--json")).items()
    assert cause == "messages-differ"
    assert words.endswith("400 messages in our records, 401 messages in statement S-1 of twilio")


def of_tenant(report: dict[str, Any]) -> dict[str, list[str]]:
    """What a comparison found of the tenant, by cause; nothing about it may have failed."""
    assert not [one for one in [*report["failed"], *report["unread"]] if one.startswith(TENANT)], report
    own = {cause: [one for one in words if one.startswith(f"{TENANT}: ")] for cause, words in report["differs"].items()}
    return {cause: words for cause, words in own.items() if words}


def test_the_schemas_are_published(stack: dict[str, Any]) -> None:
    """Each type of the index has its schema where the index says, for whoever asks."""
    with urllib.request.urlopen(f"{stack['api']}/events/schemas", timeout=60) as answer:
        listed = json.load(answer)["schemas"]
    assert len(listed) == 6
    for one in listed:
        with urllib.request.urlopen(stack["api"] + one["schema"], timeout=60) as answer:
            assert answer.headers["content-type"] == "application/schema+json"
            assert json.load(answer)["title"] == one["type"]
