"""Console: the platform's standing and finance's API over HTTP; every refusal is problem+json."""

import json
from collections.abc import Callable
from typing import Any

import boto3
import pytest

from tests.cloud import NOW, PLATFORM_KEY, Cloud, Context, event, failing
from tests.domain.examples import contract, small_contract
from tollgate.adapters.dynamodb.contracts import DynamoContracts

type Entry = Callable[[str], Any]
MARCH = "/api/tenants/acme/invoices/2026-03-01/approve"


def asked(
    path: str, *, method: str = "GET", key: str | None = PLATFORM_KEY, body: str | None = None, **more: Any
) -> Any:
    """The event file of an API call with another path, key or body."""
    changed = event("apigateway/api_approve")
    changed["rawPath"] = changed["requestContext"]["http"]["path"] = path
    changed["requestContext"]["http"]["method"] = method
    changed["headers"] |= {"authorization": f"Bearer {key}"}
    if key is None:
        del changed["headers"]["authorization"]
    changed.pop("body") if body is None else changed.update(body=body)
    return changed | more


def call(app: Any, request: Any) -> tuple[int, str, Any]:
    """Status, content type and parsed body of an answer."""
    answer = app.handler(request, Context())
    headers = answer["headers"] | {name: values[0] for name, values in answer.get("multiValueHeaders", {}).items()}
    return answer["statusCode"], headers["Content-Type"], json.loads(answer["body"])


def refused(app: Any, request: Any, status: int) -> dict[str, Any]:
    """The problem that a request is refused with: always problem+json, with the status in it."""
    said, kind, problem = call(app, request)
    assert (said, kind) == (status, "application/problem+json")
    assert problem["status"] == status
    assert {"type", "title", "detail"} <= problem.keys()
    return dict(problem)


def drafted(cloud: Cloud, messages: int = 30) -> None:
    """March of 2026 as a draft that costs money."""
    rules = {"whatsapp": {"measure": "fees", "included": "0.10", "beyond": "bill"}}
    cloud.sign_on(contract(timezone="UTC", allowances=rules))
    cloud.use(messages=messages)
    cloud.draft()


def test_the_standing_has_one_entry_a_service(cloud: Cloud, entry: Entry) -> None:
    """State, what is left in the allowance's measure, and the open holds: the shape that the platform reads."""
    cloud.sign_on(small_contract())
    cloud.use(messages=2, texts=4)
    status, kind, body = call(entry("console"), event("apigateway/standing"))

    assert (status, kind) == (200, "application/json")
    assert body == {
        "sms": {
            "state": "suspended",
            "remaining": 0,
            "holds": [
                {
                    "scope": "sms",
                    "cause": "limit",
                    "reference": "2026-01-15",
                    "opened_at": "2026-03-10T17:00:00Z",
                    "lifted_at": None,
                }
            ],
        },
        "whatsapp": {"state": "active", "remaining": "0.05", "holds": []},
    }


@pytest.mark.parametrize("key", [None, "", "another", PLATFORM_KEY[:-1], PLATFORM_KEY + "x", "käse"])
@pytest.mark.parametrize("path", ["/tenants/acme/standing", "/api/tenants/acme/usage", "/api/no/such/route"])
def test_without_the_key_there_is_nothing(cloud: Cloud, entry: Entry, path: str, key: str | None) -> None:
    """No key, half a key or another's: 401 as problem+json, on every route and where there is none."""
    cloud.sign_on()
    problem = refused(entry("console"), asked(path, key=key), 401)
    assert PLATFORM_KEY not in json.dumps(problem)


def test_the_key_is_compared_in_constant_time(entry: Entry, monkeypatch: pytest.MonkeyPatch) -> None:
    """The comparison is the one that does not stop at the first difference."""
    app, compared = entry("console"), []
    monkeypatch.setattr("tollgate.console.callers.hmac.compare_digest", lambda *pair: compared.append(pair))
    refused(app, asked("/api/tenants/acme/usage", key="another"), 401)
    assert compared == [(b"another", PLATFORM_KEY.encode())]


def test_the_scheme_has_any_case_and_the_header_too(cloud: Cloud, entry: Entry) -> None:
    """`AUTHORIZATION: bearer …` is as good as any other spelling of both names."""
    cloud.sign_on()
    request = event("apigateway/standing")
    request["headers"] = {"AUTHORIZATION": f"bearer {PLATFORM_KEY}"}
    assert call(entry("console"), request)[0] == 200


@pytest.mark.parametrize(
    "request_",
    [
        asked("/api/no/such/route"),
        asked("/api/"),
        asked(MARCH, method="GET"),
        asked("/tenants/acme/standing", method="DELETE"),
        asked("/tenants/nobody/standing"),
        asked("/api/tenants/nobody/usage"),
        asked("/api/tenants/nobody/invoices"),
        asked("/api/tenants/acme/invoices/2020-01-01/approve", method="POST", body='{"revision": 1, "by": "Ada"}'),
    ],
)
def test_what_does_not_exist_is_a_404(cloud: Cloud, entry: Entry, request_: Any) -> None:
    """An unknown route, method, tenant and invoice are each a 404, not a fault of ours."""
    cloud.sign_on()
    refused(entry("console"), request_, 404)


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        (MARCH, "{", "body"),
        (MARCH, None, "body"),
        (MARCH, "[]", "body"),
        (MARCH, '{"by": "Ada"}', "body.revision"),
        (MARCH, '{"revision": 0, "by": "Ada"}', "body.revision"),
        (MARCH, '{"revision": 1, "by": ""}', "body.by"),
        (MARCH, '{"revision": 1, "by": " "}', "body.by"),
        (MARCH, '{"revision": 1, "by": "Ada", "force": true}', "body.force"),
        ("/api/tenants/acme/invoices/march/approve", '{"revision": 1, "by": "Ada"}', "path.period"),
    ],
)
def test_a_request_that_is_not_valid_names_each_field(
    cloud: Cloud, entry: Entry, path: str, body: str | None, field: str
) -> None:
    """Malformed JSON, a missing or odd field, and a path that is no date are a 400 that says where."""
    drafted(cloud)
    problem = refused(entry("console"), asked(path, method="POST", body=body), 400)
    assert any(error["field"].startswith(field) for error in problem["errors"])
    assert cloud.runtime().invoices.invoices("acme")[-1].status == "draft"


def test_every_bad_field_is_named_at_once(entry: Entry) -> None:
    """Two wrong fields are two errors."""
    problem = refused(entry("console"), asked(MARCH, method="POST", body='{"revision": "x", "by": 7}'), 400)
    assert {error["field"] for error in problem["errors"]} == {"body.revision", "body.by"}


def test_a_query_that_is_no_date_is_named(cloud: Cloud, entry: Entry) -> None:
    """`?on=` takes a day."""
    cloud.sign_on()
    request = asked("/api/tenants/acme/usage", queryStringParameters={"on": "someday"}, rawQueryString="on=someday")
    problem = refused(entry("console"), request, 400)
    assert [error["field"] for error in problem["errors"]] == ["query.on"]


def test_a_body_of_another_type_is_a_problem_too(entry: Entry) -> None:
    """XML is refused, and not in a shape of its own."""
    request = asked(MARCH, method="POST", body="<revision>1</revision>")
    request["headers"]["content-type"] = "application/xml"
    status, kind, problem = call(entry("console"), request)
    assert status in (400, 415)
    assert kind == "application/problem+json"
    assert problem["status"] == status


def test_usage_is_the_shape_of_the_command_line(cloud: Cloud, entry: Entry) -> None:
    """Totals, allowances and days of the term, amounts as strings."""
    cloud.sign_on(small_contract())
    cloud.use(messages=2)
    _, _, body = call(entry("console"), asked("/api/tenants/acme/usage"))
    assert body["term"] == {"start": "2026-01-15", "end": "2027-01-15"}
    assert body["meters"]["whatsapp"] == {"messages": 2, "segments": 2, "fees": "0.05"}
    assert body["allowances"]["whatsapp"]["share"] == 0.5
    assert [day["date"] for day in body["days"]] == ["2026-03-10"]


def test_invoices_have_their_lines(cloud: Cloud, entry: Entry) -> None:
    """Every invoice of the tenant, oldest first; its lines add up."""
    drafted(cloud)
    _, _, body = call(entry("console"), event("apigateway/api_invoices"))
    assert [one["period"] for one in body] == ["2026-01-15", "2026-02-01", "2026-03-01"]
    assert body[-1]["total"] == "0.65"


def test_an_approval_names_what_was_read(cloud: Cloud, entry: Entry) -> None:
    """The revision that was read is approved, under the name given, due as the contract says."""
    drafted(cloud)
    status, _, body = call(entry("console"), event("apigateway/api_approve"))
    assert status == 200
    assert (body["status"], body["approved_by"], body["due_date"]) == ("approved", "Ada Finance", "2026-03-24")
    assert NOW.date().isoformat() == "2026-03-10"


def test_an_approval_of_an_older_revision_shows_what_moved(cloud: Cloud, entry: Entry) -> None:
    """409 with the total and each line that moved; nothing is approved."""
    drafted(cloud)
    cloud.use(messages=31)
    cloud.draft()
    problem = refused(entry("console"), event("apigateway/api_approve"), 409)
    assert problem["differences"][0] == "total: 0.65 -> 0.68"
    assert any(line.startswith("marketing/North America") for line in problem["differences"])
    assert cloud.runtime().invoices.invoices("acme")[-1].status == "draft"


def test_a_second_approval_by_somebody_else_is_a_conflict(cloud: Cloud, entry: Entry) -> None:
    """What is approved is not approved again under another name."""
    drafted(cloud)
    app = entry("console")
    call(app, event("apigateway/api_approve"))
    refused(app, asked(MARCH, method="POST", body='{"revision": 1, "by": "Bob"}'), 409)


def test_a_race_of_two_approvals_is_a_conflict_without_our_insides(
    cloud: Cloud, entry: Entry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who comes second learns that the invoice has moved, not how it is stored."""
    drafted(cloud)
    app = entry("console")
    failing(monkeypatch, "TransactWriteItems", "TransactionConflictException")
    problem = refused(app, event("apigateway/api_approve"), 409)
    assert "DynamoDB" not in problem["detail"]


def test_the_api_describes_itself_without_a_key(entry: Entry) -> None:
    """OpenAPI 3.1 at /api/openapi.json: every route but itself, the key as its security, each reference resolved."""
    status, kind, spec = call(entry("console"), event("apigateway/api_openapi"))

    assert (status, kind) == (200, "application/json")
    assert spec["openapi"].startswith("3.1")
    assert spec["info"]["title"] == "Tollgate"
    assert {"/tenants/{tenant}/standing", "/api/tenants/{tenant}/invoices/{period}/approve"} <= spec["paths"].keys()
    assert "/api/openapi.json" not in spec["paths"]
    assert [{name: []} for name in spec["components"]["securitySchemes"]] == spec["security"]
    operations = [one for path in spec["paths"].values() for one in path.values()]
    assert len({one["operationId"] for one in operations}) == len(operations)
    text = json.dumps(spec)
    for reference in {part.split('"')[0] for part in text.split('"$ref": "#/')[1:]}:
        found: Any = spec
        for name in reference.split("/"):
            found = found[name]


@pytest.mark.parametrize(
    ("operation", "code", "status"),
    [("Query", "ThrottlingException", 503), ("Query", "AccessDeniedException", 500), ("GetSecretValue", "x", 503)],
)
def test_a_fault_inside_is_told_without_its_details(
    cloud: Cloud, entry: Entry, monkeypatch: pytest.MonkeyPatch, operation: str, code: str, status: int
) -> None:
    """Callers learn whether to come again and nothing more; the log has the cause."""
    cloud.sign_on()
    app = entry("console")
    failing(monkeypatch, operation, code)
    problem = refused(app, event("apigateway/standing"), status)

    told = json.dumps(problem)
    for internal in ("arn:", "DynamoDB", "Query", "secret", "platform", code + " ", "Traceback", "ClientError"):
        assert internal not in told
    assert any(line["level"] == "ERROR" for line in cloud.lines())


def test_a_fault_of_ours_is_a_500_without_its_details(
    cloud: Cloud, entry: Entry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An exception nobody expected is logged whole and told to nobody."""
    app = entry("console")

    def broken(*_: Any) -> None:
        raise ZeroDivisionError("the table accounts at row 7")

    monkeypatch.setattr(DynamoContracts, "versions", broken)
    problem = refused(app, event("apigateway/standing"), 500)
    assert "row 7" not in json.dumps(problem)
    assert any(line.get("exception_name") == "ZeroDivisionError" for line in cloud.lines())


def test_a_missing_setting_is_a_500_without_its_name(
    entry: Entry, cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fault of the template is for the log alone."""
    monkeypatch.delenv("PLATFORM_KEY_SECRET")
    problem = refused(entry("console"), event("apigateway/standing"), 500)
    assert "PLATFORM_KEY" not in json.dumps(problem)
    assert "PLATFORM_KEY_SECRET" in cloud.log.getvalue()


def test_the_log_holds_no_key(cloud: Cloud, entry: Entry, capsys: pytest.CaptureFixture[str]) -> None:
    """Neither the key we have nor the one we were shown is logged."""
    cloud.sign_on()
    app = entry("console")
    app.handler(event("apigateway/standing"), Context())
    app.handler(asked("/api/tenants/acme/usage", key="shown-by-somebody"), Context())
    said = cloud.log.getvalue() + capsys.readouterr().out
    assert PLATFORM_KEY not in said
    assert "shown-by-somebody" not in said


def test_a_new_key_is_picked_up_by_a_new_process(cloud: Cloud, entry: Entry) -> None:
    """Once the key is rotated the old one opens nothing any more."""
    cloud.sign_on()
    boto3.client("secretsmanager").put_secret_value(SecretId="platform-key", SecretString="rotated")
    refused(entry("console"), event("apigateway/standing"), 401)
