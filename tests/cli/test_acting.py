"""Commands that change something: all of it or nothing, under a name, and what went wrong in one clear message."""

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import Result

from cli.target import Target
from tests.cloud import NOW, Cloud, Context, event
from tests.domain.examples import DOCUMENT, contract, sms
from tollgate.domain.errors import Refused
from tollgate.stages.issue import push
from tollgate.stages.meter import Sourced, meter_facts

type Run = Callable[..., Result]
RULES = {"whatsapp": {"measure": "fees", "included": "0.10", "beyond": "bill"}}
CARD: dict[str, Any] = {"currency": "USD", "rates": {"India": {"marketing": "0.0118"}}}


def written(folder: Path, name: str, document: object) -> Path:
    """A file of a document; bytes and text go in as they are."""
    file = folder / name
    if isinstance(document, bytes):
        file.write_bytes(document)
    else:
        file.write_text(document if isinstance(document, str) else yaml.safe_dump(document), encoding="utf-8")
    return file


def refusal(result: Result) -> str:
    """The message of a command that failed: exit code 1, no stack trace, nothing done."""
    assert result.exit_code == 1, result.output
    assert isinstance(result.exception, SystemExit)
    assert "Traceback" not in result.output
    assert "Error: " in result.output
    return result.output


def second(**changes: Any) -> dict[str, Any]:
    """Another tenant's contract."""
    senders = [{"provider": "aws-sms", "account": "bolt"}]
    return DOCUMENT | {"tenant": "bolt", "name": "Bolt Bikes", "senders": senders} | changes


def drafted(cloud: Cloud) -> None:
    """March of 2026 as a draft of USD 0.65."""
    cloud.sign_on(contract(timezone="UTC", allowances=RULES))
    cloud.use(messages=30)
    cloud.draft()


def march(cloud: Cloud) -> Any:
    return cloud.runtime().invoices.invoices("acme")[-1]


def test_contracts_are_applied_together(cloud: Cloud, run: Run, tmp_path: Path) -> None:
    """Every file is applied, each named, and the same again is as well."""
    files = [written(tmp_path, "acme.yaml", DOCUMENT), written(tmp_path, "bolt.yaml", second())]
    for _ in range(2):
        result = run("contract", "apply", *files)
        assert (result.exit_code, result.output.count("applied")) == (0, 2)
    assert cloud.runtime().contracts.tenants() == ["acme", "bolt"]


@pytest.mark.parametrize(
    ("spoiled", "named"),
    [
        (second(currency="XXX", term={"start": "2026-13-01"}), ["currency", "term.start"]),
        (second(unknown=1), ["unknown"]),
        (second(senders=DOCUMENT["senders"]), ["senders.0", "acme"]),
        (second(allowances={"whatsapp": {"included": 1000.10}}), ["allowances.whatsapp.included", "in quotes"]),
        (DOCUMENT, ["second contract of acme"]),
        ("tenant: [", ["line 1", "YAML"]),
        ("term: {start: 2026-02-30}", ["YAML", "day"]),
        ("- a list", []),
        ("", []),
        (b"tenant: \xff", ["byte 8", "UTF-8"]),
        ("[" * 5000, ["YAML"]),
    ],
    ids=["two fields", "unknown field", "taken sender", "float", "same tenant", "bad YAML", "no such day", "list",
         "empty", "no UTF-8", "deep"],
)  # fmt: skip
def test_one_bad_contract_refuses_all_of_them(
    cloud: Cloud, run: Run, tmp_path: Path, spoiled: object, named: list[str]
) -> None:
    """Exit code 1, every problem with its file and field, and not even the good file is applied."""
    files = [written(tmp_path, "acme.yaml", DOCUMENT), written(tmp_path, "spoiled.yaml", spoiled)]
    message = refusal(run("contract", "apply", *files))

    assert "spoiled.yaml" in message
    assert [name for name in named if name not in message] == []
    assert cloud.runtime().contracts.tenants() == []


def test_a_contract_of_too_many_accounts_refuses_all_of_them(cloud: Cloud, run: Run, tmp_path: Path) -> None:
    """What cannot be written in one piece is found before the first file is written."""
    many = [{"provider": "aws-sms", "account": f"bolt-{n}"} for n in range(120)]
    files = [written(tmp_path, "acme.yaml", DOCUMENT), written(tmp_path, "many.yaml", second(senders=many))]
    assert "senders" in refusal(run("contract", "apply", *files))
    assert cloud.runtime().contracts.tenants() == []


def test_a_contract_needs_somebody_who_applies_it(
    cloud: Cloud, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the terminal has no user, and where the name is blank, --by is asked for."""
    file = written(tmp_path, "acme.yaml", DOCUMENT)
    assert "--by" in refusal(run("contract", "apply", file, "--by", " "))

    def nobody() -> str:
        raise OSError("no user of that id")

    monkeypatch.setattr("getpass.getuser", nobody)
    assert "--by" in refusal(run("contract", "apply", file))
    assert cloud.runtime().contracts.tenants() == []


def test_a_dry_run_shows_what_a_card_would_change(cloud: Cloud, run: Run, tmp_path: Path) -> None:
    """Nothing is loaded until it is; then it says the same."""
    file = written(tmp_path, "card.json", json.dumps(CARD))
    tried = run("rates", "load", file, "--card", "meta", "--from", "2026-10-01", "--dry-run")
    assert "marketing/India: none -> 0.0118" in tried.output
    assert not cloud.runtime().rates.book({"meta"}, fx=False).cards
    loaded = run("rates", "load", file, "--card", "meta", "--from", "2026-10-01")
    assert (loaded.exit_code, "loaded, 1 changes" in loaded.output) == (0, True)


@pytest.mark.parametrize(
    ("content", "named"),
    [
        ("{", "JSON"),
        (b"\xff\xfe", "UTF-8"),
        ("[]", "currency"),
        ("[" * 100_000, "JSON"),
        (json.dumps(CARD | {"rates": {"India": {"marketing": "cheap"}}}), "rates.India.marketing"),
        ('{"currency": "USD", "currency": "EUR"}', "currency: is there twice"),
    ],
    ids=["truncated", "no UTF-8", "no card", "deep", "no amount", "twice"],
)
def test_a_bad_rates_file_is_refused_by_its_field(
    cloud: Cloud, run: Run, tmp_path: Path, content: str | bytes, named: str
) -> None:
    """One clear message, and no card."""
    file = written(tmp_path, "card.json", content)
    assert named in refusal(run("rates", "load", file, "--card", "meta", "--from", "2026-10-01"))
    assert not cloud.runtime().rates.book({"meta"}, fx=False).cards


def test_exchange_rates_are_loaded_or_refused(run: Run, tmp_path: Path) -> None:
    """The ECB's CSV is taken; one with a bad row is refused with the row."""
    good = written(tmp_path, "good.csv", "Date,USD,JPY\n2026-03-10,1.25,160.1\n")
    assert run("fx", "load", good).output == "exchange rates of 1 days loaded\n"
    for content, named in (("Date,USD\n2026-03-10,x\n", "row 2"), (b"Date,\xff", "UTF-8"), ("", "row 1")):
        assert named in refusal(run("fx", "load", written(tmp_path, "bad.csv", content)))


def test_an_approval_is_of_the_revision_that_was_read(cloud: Cloud, run: Run) -> None:
    """Approved, by whom, due when; again by the same person changes nothing."""
    drafted(cloud)
    words = ("invoice", "approve", "acme", "2026-03-01", "--revision", "1", "--by", "Ada")
    assert run(*words).output == "acme 2026-03-01: USD 0.65 approved, due 2026-03-24\n"
    assert json.loads(run(*words, "--json").output)["approved_by"] == "Ada"


def test_an_approval_of_an_older_revision_shows_what_moved(cloud: Cloud, run: Run) -> None:
    """The total and each line that moved, and the draft stays one."""
    drafted(cloud)
    cloud.use(messages=31)
    cloud.draft()
    message = refusal(run("invoice", "approve", "acme", "2026-03-01", "--revision", "1", "--by", "Ada"))
    assert "revision 1 is not the current one (2)" in message
    assert "total: 0.65 -> 0.68" in message
    assert "marketing/North America" in message
    assert march(cloud).status == "draft"


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("acme", "2026-03-01", "--revision", "1", "--by", " "), "--by"),
        (("acme", "2026-03-01", "--revision", "one", "--by", "Ada"), "--revision"),
        (("acme", "march", "--revision", "1", "--by", "Ada"), "PERIOD"),
        (("acme", "2026-03-01", "--revision", "1"), "--by"),
        (("acme", "2020-03-01", "--revision", "1", "--by", "Ada"), "acme/2020-03-01"),
        (("acme", "2026-03-01", "--revision", "7", "--by", "Ada"), "never existed"),
        (("acme", "2026-03-01", "--revision", "1", "--by", "Ada", "--at", "noon"), "time"),
    ],
)
def test_an_approval_that_cannot_be_names_why(cloud: Cloud, run: Run, words: tuple[str, ...], named: str) -> None:
    """Exit code 1, the field in the message, and the draft untouched."""
    drafted(cloud)
    assert named in refusal(run("invoice", "approve", *words))
    assert march(cloud).status == "draft"


def test_a_flagged_invoice_is_sent_again(cloud: Cloud, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Retrying queues what the approval had queued, for approved invoices alone; the table shows the error."""
    drafted(cloud)
    assert "is draft, not approved" in refusal(run("invoice", "retry", "acme", "2026-03-01"))
    run("invoice", "approve", "acme", "2026-03-01", "--revision", "1", "--by", "Ada")

    def refuse(*_: Any, **__: Any) -> None:
        raise Refused("the customer was deleted")

    with monkeypatch.context() as broken:
        broken.setattr(cloud.stripe, "create_invoice", refuse)
        push("acme", date(2026, 3, 1), ports=cloud.runtime().issue_ports(), now=NOW)
    assert "the customer was" in run("invoices").output
    assert "error: the customer was deleted" in run("invoice", "show", "acme", "2026-03-01").output
    assert run("invoice", "retry", "acme", "2026-03-01").exit_code == 0
    [queued] = cloud.queued("invoices")
    assert json.loads(queued["Body"]) == {"detail": {"tenant": "acme", "period": "2026-03-01"}}


def test_the_queued_retry_is_what_the_function_takes(cloud: Cloud, run: Run, entry: Callable[[str], Any]) -> None:
    """What `invoice retry` puts on the queue issues the invoice."""
    drafted(cloud)
    run("invoice", "approve", "acme", "2026-03-01", "--revision", "1", "--by", "Ada")
    run("invoice", "retry", "acme", "2026-03-01")
    [record] = event("sqs/invoices")["Records"]
    record["body"] = cloud.queued("invoices")[0]["Body"]
    assert entry("invoice").handler({"Records": [record]}, Context()) == {"batchItemFailures": []}
    assert march(cloud).status == "open"


def test_a_schedule_is_fired_with_its_time(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the run did is listed for people, and printed whole for programs."""
    report = {"drafted": ["acme/2026-03-01"], "failed": []}
    monkeypatch.setattr(Target, "run", lambda _self, schedule, at: report | {"failed": [f"{schedule} {at}"]})
    words = ("run", "invoice", "--at", "2026-04-05T06:00:00Z")
    assert run(*words).output == "drafted: acme/2026-03-01\nfailed: invoice 2026-04-05T06:00:00Z\n"
    assert json.loads(run(*words, "--json").output)["drafted"] == ["acme/2026-03-01"]


@pytest.mark.parametrize("at", ["tomorrow", "2026-04-05", "<aws.scheduler.scheduled-time>"])
def test_a_schedule_needs_a_time_with_a_zone(run: Run, at: str) -> None:
    """Anything else is refused before anything is fired."""
    assert "time: expected" in refusal(run("run", "invoice", "--at", at))


def test_a_schedule_that_is_none_is_named(run: Run) -> None:
    """There is no such schedule."""
    assert "schedule 'weekly' does not exist" in refusal(run("run", "weekly", "--at", "2026-04-05T06:00:00Z"))


def test_a_redrive_counts_what_can_be_counted_now(cloud: Cloud, run: Run) -> None:
    """What was nobody's is counted once its sender is somebody's."""
    fact = Sourced("1", sms("TEXT_DELIVERED", "0.00581"))
    meter_facts([fact], ports=cloud.runtime().meter_ports(), now=NOW)
    assert json.loads(run("quarantine", "redrive", "--json").output) == {"counted": 0, "kept": 1}
    cloud.sign_on()
    assert run("quarantine", "redrive").output == "1 counted, 0 stay\n"
    assert run("quarantine", "list").output == "nothing\n"
