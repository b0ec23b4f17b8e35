"""The parts of bringing an instance up that need no running program."""

import base64
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from local import endpoints, mailbox, mails, pollers, ports, routes, sam, secret_values
from local import stack as stacks
from local.endpoints import Resource
from local.routes import StackNames, Target
from tollgate.providers.provider import Request
from tollgate.providers.telnyx import TELNYX

NAMES = StackNames(
    physical={"ReceiveFunction": "tollgate-receive", "MeterAlias": "arn:aws:lambda:eu-west-1:1:function:meter:live"},
    region="eu-west-1",
    account="1",
)


@dataclass
class FakeGateway:
    """API Gateway v2's routes and integrations, in memory."""

    routes: dict[str, dict[str, str]] = field(default_factory=dict)
    integrations: dict[str, dict[str, str]] = field(default_factory=dict)

    def get_routes(self, *, ApiId: str) -> dict[str, Any]:
        return {"Items": list(self.routes.values())}

    def get_integrations(self, *, ApiId: str) -> dict[str, Any]:
        return {"Items": list(self.integrations.values())}

    def create_integration(
        self, *, ApiId: str, IntegrationType: str, IntegrationUri: str, PayloadFormatVersion: str
    ) -> dict[str, str]:
        made = {"IntegrationId": f"i{len(self.integrations)}", "IntegrationUri": IntegrationUri}
        return self.integrations.setdefault(made["IntegrationId"], made)

    def create_route(self, *, ApiId: str, RouteKey: str, Target: str) -> dict[str, str]:
        made = {"RouteId": f"r-{RouteKey}", "RouteKey": RouteKey, "Target": Target}
        return self.routes.setdefault(made["RouteId"], made)

    def delete_route(self, *, ApiId: str, RouteId: str) -> None:
        del self.routes[RouteId]


def operation(reference: str) -> dict[str, Any]:
    """An OpenAPI operation as SAM writes it."""
    uri = {"Fn::Sub": f"arn:${{AWS::Partition}}:apigateway:${{AWS::Region}}:lambda:path/functions/${{{reference}}}/x"}
    return {routes.INTEGRATION: {"uri": uri, "payloadFormatVersion": "2.0"}}


def test_each_operation_of_the_body_becomes_a_route() -> None:
    """Methods, any-method and the default route are named as the API names them, on the function or its alias."""
    body = {
        "paths": {
            "/webhooks/{provider}": {"post": operation("ReceiveFunction.Arn"), "parameters": {}},
            "/console/{proxy+}": {routes.ANY: operation("MeterAlias")},
            "/$default": {routes.ANY: operation("MeterAlias")},
        }
    }

    wanted = routes.wanted_routes(body, NAMES)

    assert set(wanted) == {"POST /webhooks/{provider}", "ANY /console/{proxy+}", "$default"}
    assert "function:tollgate-receive/x" in wanted["POST /webhooks/{provider}"].uri
    assert "functions/arn:aws:lambda:eu-west-1:1:function:meter:live/x" in wanted["$default"].uri


def test_routes_follow_the_template_and_a_second_run_changes_nothing() -> None:
    """New ones are made, gone ones removed, moved ones replaced; then all is right."""
    gateway = FakeGateway()
    one, two = Target("uri:1", "2.0"), Target("uri:2", "2.0")
    routes.synchronise(gateway, api_id="a", wanted={"GET /a": one, "GET /b": one})

    changes = routes.synchronise(gateway, api_id="a", wanted={"GET /b": two, "GET /c": one})

    assert changes == ["- GET /a", "- GET /b", "+ GET /b", "+ GET /c"]
    assert routes.synchronise(gateway, api_id="a", wanted={"GET /b": two, "GET /c": one}) == []


@pytest.mark.parametrize(
    ("physical", "expected"),
    [
        ("http://localhost:4566/000000000000/tollgate-receipts", "receipts"),
        ("http://localhost:4566/000000000000/tollgate-receipts-dlq", "receipts-dlq"),
        ("arn:aws:sns:eu-west-1:000000000000:tollgate-sms", "sms"),
        ("tollgate-LedgerTable-FDFCFDC913406", "ledger"),
        ("tollgate-MailEventsTopic-1A2B3C4D5E6F", "mail-events"),
    ],
)
def test_resources_are_named_by_their_real_names(physical: str, expected: str) -> None:
    """The stack's prefix and a generated suffix say nothing and are left out."""
    assert endpoints.short_name(Resource("X", physical, "any"), "tollgate") == expected


def test_the_endpoints_file_is_replaced_whole_and_read_by_its_owner_only(tmp_path: Path) -> None:
    """It holds secrets of the local run, and a reader never meets half of it."""
    path = tmp_path / "deep" / "endpoints.json"
    endpoints.write(path, {"api": "one"})
    endpoints.write(path, {"api": "two"})

    assert endpoints.read(path) == {"api": "two"}
    assert path.stat().st_mode & 0o077 == 0
    assert [each.name for each in path.parent.iterdir()] == ["endpoints.json"]


class FakeSecrets:
    """Secrets Manager, in memory."""

    def __init__(self, **values: str | None) -> None:
        self.values = values
        self.writes = 0

    def get_secret_value(self, *, SecretId: str) -> dict[str, str]:
        value = self.values[SecretId]
        return {} if value is None else {"SecretString": value}

    def put_secret_value(self, *, SecretId: str, SecretString: str) -> None:
        self.values[SecretId] = SecretString
        self.writes += 1


def test_secrets_are_made_once_and_written_only_when_they_differ(tmp_path: Path) -> None:
    """A second `make up` rotates nothing, so signatures made before still verify."""
    kept, manager = tmp_path / "secrets.json", FakeSecrets(meta=None, key=None)
    arns = {"meta": "meta", "platform-key": "key"}
    first = secret_values.load(kept)
    secret_values.put(manager, arns, first)

    again = secret_values.load(kept)

    assert again == first
    assert secret_values.put(manager, arns, again) == []
    assert manager.writes == len(arns)
    assert json.loads(manager.values["meta"] or "") == first["meta"]
    assert manager.values["key"] == secret_values.published(arns, first)["events_key"]
    assert kept.stat().st_mode & 0o077 == 0


def test_every_secret_of_the_template_has_a_value_of_its_own_here() -> None:
    """So that nothing of a local run says that a secret was not filled in."""
    template = (stacks.PROJECT / "template.yaml").read_text(encoding="utf-8")
    purposes = set(
        re.findall(r'Type: AWS::SecretsManager::Secret\n(?:.*\n){1,4}? +Name: !Sub "[^"]*/([a-z-]+)"', template)
    )
    assert len(purposes) == template.count("Type: AWS::SecretsManager::Secret")
    assert purposes == set(secret_values.generated())


@pytest.mark.parametrize(
    ("environment", "asked"), [({}, "http://127.0.0.1:9"), ({"TOLLGATE_PRICE_API_BASE": "http://x:1"}, "http://x:1")]
)
def test_no_provider_is_asked_for_prices_from_here(tmp_path: Path, environment: dict[str, str], asked: str) -> None:
    """Nobody answers, unless a stand-in is named: keys that are made up stay on this machine."""
    stack = stacks.LocalStack(root=tmp_path, environment=environment)
    assert stack._overrides(ports.USUAL)["PriceApiBase"] == asked


def test_only_a_test_key_of_stripe_leads_to_stripe_itself(tmp_path: Path) -> None:
    """A test key is used and kept out of the instance's file; a live key is refused; none means the stand-in."""
    kept = tmp_path / "secrets.json"
    values = secret_values.with_stripe_of(secret_values.load(kept), {"STRIPE_API_KEY": "sk_test_mine"})

    assert values["stripe"]["api_key"] == "sk_test_mine"
    assert "sk_test_mine" not in kept.read_text()
    assert not secret_values.uses_real_stripe({})
    with pytest.raises(ValueError, match="live key"):
        secret_values.uses_real_stripe({"STRIPE_API_KEY": "sk_live_x"})


def test_what_endpoints_publish_never_holds_the_key_of_stripe(tmp_path: Path) -> None:
    """Senders need to sign; nobody who reads the endpoints needs to call Stripe."""
    values = secret_values.load(tmp_path / "secrets.json")

    published = json.dumps(secret_values.published({"meta": "arn"}, values))

    assert values["stripe"]["api_key"] not in published
    assert values["recipient-key"][secret_values.PLAIN] not in published


def test_what_endpoints_publish_is_enough_to_play_each_provider(tmp_path: Path) -> None:
    """Every provider that calls over HTTP has a secret made for it, and its fields are published."""
    values = secret_values.load(tmp_path / "secrets.json")
    arns = dict.fromkeys((*secret_values.WEBHOOKS, "stripe"), "arn")
    published = secret_values.published(arns, values)
    assert {name: published[name] for name in secret_values.WEBHOOKS} == {n: values[n] for n in secret_values.WEBHOOKS}

    body = b"{}"
    private = base64.b64decode(published["telnyx"]["private_key"])
    moment = datetime(2026, 11, 21, 12, tzinfo=UTC)
    sent = str(int(moment.timestamp()))
    signature = Ed25519PrivateKey.from_private_bytes(private).sign(f"{sent}|".encode() + body)
    headers = {"telnyx-signature-ed25519": base64.b64encode(signature).decode(), "telnyx-timestamp": sent}
    request = Request(method="POST", path="/webhooks/telnyx", headers=headers, body=body, received_at=moment)
    TELNYX.verify(request, values["telnyx"])


def test_every_limited_poller_gets_its_limit_as_a_number() -> None:
    """The local AWS stops polling a queue whose limit is text."""
    calls: list[dict[str, Any]] = []

    class Functions:
        def get_paginator(self, _: str) -> "Functions":
            return self

        def paginate(self) -> Sequence[dict[str, Any]]:
            limited = {"UUID": "u1", "FunctionArn": "f1", "ScalingConfig": {"MaximumConcurrency": "2"}}
            return [{"EventSourceMappings": [limited, {"UUID": "u2", "FunctionArn": "f2"}]}]

        def update_event_source_mapping(self, **call: Any) -> None:
            calls.append(call)

    assert pollers.repair(Functions()) == ["f1"]
    assert calls == [{"UUID": "u1", "ScalingConfig": {"MaximumConcurrency": 2}}]


def mail(number: int, **changes: Any) -> mailbox.Mail:
    """A mail with a subject that cannot be a file name."""
    given: dict[str, Any] = {
        "message_id": f"id-{number}@mail.example",
        "source": "billing@tollgate.example",
        "to": ("ops@acme.example",),
        "cc": (),
        "subject": "75 % of your SMS / “used”",
        "text": "Grüße",
        "html": "<b>Grüße</b>",
        "sent_at": datetime(2026, 7, 1, 12, number, tzinfo=UTC),
    }
    return mailbox.Mail(**given | changes)


def test_each_mail_is_saved_once_as_files_one_can_open(tmp_path: Path) -> None:
    """Seen again, it is not written again; the next one gets the next number."""
    mailbox.save_new([mail(1)], tmp_path)
    mailbox.save_new([mail(1), mail(2, html="", subject="Plain")], tmp_path)

    assert sorted(path.name for path in tmp_path.glob("0*")) == [
        "001-ops-acme-example-75-of-your-sms-used.eml",
        "001-ops-acme-example-75-of-your-sms-used.html",
        "001-ops-acme-example-75-of-your-sms-used.txt",
        "002-ops-acme-example-plain.eml",
        "002-ops-acme-example-plain.txt",
    ]
    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert page.index("002-ops-acme-example-plain.txt") < page.index("001-ops-acme-example-75-of-your-sms-used.html")


def test_a_saved_message_reads_back_as_it_was_sent() -> None:
    """A mail program shows sender, time, subject, and both bodies."""
    message = message_from_bytes(mailbox.as_eml(mail(1)), policy=policy.default)
    html = message.get_body(("html",))

    assert message["Subject"] == "75 % of your SMS / “used”"
    assert message["Date"].datetime == datetime(2026, 7, 1, 12, 1, tzinfo=UTC)
    assert html is not None
    assert html.get_content().strip() == "<b>Grüße</b>"


def test_a_subject_cannot_smuggle_markup_into_the_list() -> None:
    """Subjects and addresses are shown, never run."""
    row = {"stem": "001-x", "file": "001-x.html", "to": ["<i>@x"], "subject": "<script>", "at": "2026-07-01"}

    assert "<script>" not in mailbox.index_page([row])
    assert "<i>" not in mailbox.index_page([row])


def test_the_list_of_mails_says_where_to_open_each(tmp_path: Path) -> None:
    """`make mails` is a list for people; without mails it says when there will be some."""
    assert "No mails yet" in mails.listing(tmp_path)
    mailbox.save_new([mail(1)], tmp_path)

    assert "2026-07-01 12:01:00 UTC  ops@acme.example" in mails.listing(tmp_path)


@pytest.mark.parametrize(
    "written", ['"Environment=local Arch=x86_64"', '["Environment=local", "Arch=x86_64"]'], ids=["text", "list"]
)
def test_overrides_of_samconfig_are_read_in_both_its_forms(tmp_path: Path, written: str) -> None:
    """What the template's author set for local is kept beside what the machine adds."""
    samconfig = tmp_path / "samconfig.toml"
    samconfig.write_text(f"[local.deploy.parameters]\nparameter_overrides = {written}\n")

    assert sam.configured(samconfig, "deploy") == {"Environment": "local", "Arch": "x86_64"}
    assert sam.pairs({"B": "2", "A": "1"}) == [
        "ParameterKey=A,ParameterValue=1",
        "ParameterKey=B,ParameterValue=2",
    ]
