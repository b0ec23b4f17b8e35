"""One local instance of the whole system, in one folder: programs, state, secrets, mails and ``endpoints.json``.

`make up` runs one in ``.local`` on the usual ports; a test run makes its own in a temporary folder on free ones. They
share only the build (``.aws-sam``). Bringing an instance up twice redeploys what changed and keeps state and secrets.
"""

import os
import shutil
import socket
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from local import endpoints, mailbox, ministack, pollers, ports, processes, pump, routes, sam, secret_values
from local.endpoints import Resource
from local.ministack import LocalAws
from local.ports import LOOPBACK, Ports
from local.steps import StepError, Steps

PROJECT = Path(__file__).resolve().parents[1]
DEFAULT_ROOT = PROJECT / ".local"
GATEWAY, STRIPE, PUMP, IDENTITY = "gateway", "stripe", "pump", "identity"
OIDC_CLIENT = "console"
REAL_STRIPE = "https://api.stripe.com"
STRIPE_BY_WAY_OF = "TOLLGATE_STRIPE_API_BASE"
PRICES_AT = "TOLLGATE_PRICE_API_BASE"
NO_PRICES = f"http://{LOOPBACK}:9"
"""Where nobody answers: who plays a provider here knows no prices, and no key that is made up may reach a real one."""


@dataclass(frozen=True, kw_only=True)
class LocalStack:
    """An instance in ``root``. ``ports`` are wishes: what is taken is replaced, and the choice is kept in ``root``."""

    root: Path
    ports: Ports = ports.USUAL
    persist: bool = True
    project: Path = PROJECT
    environment: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))

    @property
    def endpoints_file(self) -> Path:
        """Where the instance says what it is reachable at."""
        return self.root / "endpoints.json"

    @property
    def mails(self) -> Path:
        """The folder of the mails it sent."""
        return self.root / "mails"

    @property
    def _run(self) -> Path:
        return self.root / "run"

    def up(self, steps: Steps | None = None) -> dict[str, Any]:
        """Bring the instance up, or up to date; returns the document of ``endpoints.json``. Raises StepError."""
        steps = steps or Steps()
        try:
            values = secret_values.with_stripe_of(secret_values.load(self.root / "secrets.json"), self.environment)
            with steps.step("stop the programs of an earlier run"):
                self._stop_fronts()
            chosen = self._choose_ports()
            with steps.step("start the local AWS"):
                aws = self._start_aws(chosen)
            self._build_and_deploy(steps, aws, chosen)
            with steps.step("fill in what the local AWS leaves out, and secrets"):
                found = endpoints.resources(client(aws, "cloudformation"), sam.STACK_NAME)
                api_id = self._route(aws, found)
                pollers.repair(client(aws, "lambda"))
                published = self._share_secrets(aws, found, values)
            with steps.step("start the Stripe stand-in, the identity provider, the pump and the gateway"):
                self._start_stripe(chosen, values)
                self._start_identity(chosen, values)
                self._start_pump(aws)
                self._start_gateway(chosen, aws, api_id)
        except (processes.NotReadyError, ValueError) as failure:
            raise StepError(str(failure)) from failure
        document = self._document(chosen, aws, found, published)
        endpoints.write(self.endpoints_file, document)
        return document

    def down(self) -> list[str]:
        """Stop its programs by their recorded pids, keeping the state; returns the names of those that ran.

        The endpoints go too: whoever finds the file may rely on what it names.
        """
        self.endpoints_file.unlink(missing_ok=True)
        stopped = self._stop_fronts()
        return [*stopped, ministack.NAME] if ministack.stop(run=self._run) else stopped

    def reset(self) -> None:
        """Stop everything and forget everything."""
        self.down()
        shutil.rmtree(self.root, ignore_errors=True)

    def _stop_fronts(self) -> list[str]:
        return [name for name in (GATEWAY, PUMP, IDENTITY, STRIPE) if processes.stop(name, run=self._run)]

    def _choose_ports(self) -> Ports:
        held = frozenset({"aws"}) if processes.running(ministack.NAME, run=self._run) else frozenset()
        return ports.choose(self.root / "ports.json", wanted=self.ports, held=held)

    def _start_aws(self, chosen: Ports) -> LocalAws:
        return ministack.start(self._tool("ministack"), port=chosen.aws, run=self._run, persist=self.persist)

    def _tool(self, name: str) -> Path:
        tool = self.project / ".tools" / name
        if not (tool / "bin" / "python").exists():
            raise StepError(f"{name} is not installed: run `make up`, which installs it into {tool}")
        return tool

    def _build_and_deploy(self, steps: Steps, aws: LocalAws, chosen: Ports) -> None:
        command = sam.Sam(project=self.project, tool=self._tool("sam"), aws=aws, logs=self._run)
        overrides = self._overrides(chosen)
        with sam.exclusive(self.project):
            with steps.step("sam build"):
                command.build(overrides)
            with steps.step("sam deploy"):
                command.deploy(overrides)

    def _overrides(self, chosen: Ports) -> dict[str, str]:
        """What samconfig.toml says for local, with what only this machine and this instance know."""
        mine = {"Environment": "local", "Arch": sam.architecture(), "PublicUrl": _api_address(chosen)}
        mine |= {
            "ConsoleUrl": _api_address(chosen),
            "OidcIssuer": self._identity_address(chosen),
            "OidcClientId": OIDC_CLIENT,
            "PriceApiBase": self.environment.get(PRICES_AT, NO_PRICES),
        }
        if not secret_values.uses_real_stripe(self.environment):
            # A proxy that records what the functions send to the stand-in, say.
            mine["StripeApiBase"] = self.environment.get(STRIPE_BY_WAY_OF, self._stripe_address(chosen))
        return sam.configured(self.project / "samconfig.toml", "deploy") | mine

    def _stripe_address(self, chosen: Ports) -> str:
        if secret_values.uses_real_stripe(self.environment):
            return REAL_STRIPE
        return f"http://{LOOPBACK}:{chosen.stripe}"

    def _identity_address(self, chosen: Ports) -> str:
        return f"http://{LOOPBACK}:{chosen.identity}"

    def _route(self, aws: LocalAws, found: list[Resource]) -> str:
        """Give the stack's HTTP API its routes; returns its id."""
        template = client(aws, "cloudformation").get_template(StackName=sam.STACK_NAME, TemplateStage="Processed")
        physical = {resource.logical: resource.physical for resource in found}
        names = routes.StackNames(physical=physical, region=aws.region, account=ministack.ACCOUNT)
        bodies = routes.api_bodies(template["TemplateBody"])
        if len(bodies) != 1:
            raise StepError(f"the template must have exactly one HTTP API, it has {sorted(bodies)}")
        ((logical, body),) = bodies.items()
        wanted = routes.wanted_routes(body, names)
        routes.synchronise(client(aws, "apigatewayv2"), api_id=physical[logical], wanted=wanted)
        return physical[logical]

    def _share_secrets(self, aws: LocalAws, found: list[Resource], values: secret_values.Purposes) -> dict[str, Any]:
        """Give the stack's secrets their values; returns what senders may know of them."""
        manager = client(aws, "secretsmanager")
        arns = secret_values.by_purpose(manager, found, sam.STACK_NAME)
        secret_values.put(manager, arns, values)
        return secret_values.published(arns, values)

    def _start_stripe(self, chosen: Ports, values: secret_values.Purposes) -> None:
        if secret_values.uses_real_stripe(self.environment):
            return
        arguments = {
            "--port": str(chosen.stripe),
            "--state": str(self.root / STRIPE),
            "--webhook-url": f"http://{LOOPBACK}:{chosen.api}/webhooks/stripe",
            "--webhook-secret": values["stripe"]["webhook_secret"],
        }
        self._start_module(STRIPE, "local.stripe_standin", arguments, ready=lambda: listens(chosen.stripe))

    def _start_identity(self, chosen: Ports, values: secret_values.Purposes) -> None:
        arguments = {
            "--port": str(chosen.identity),
            "--client-id": OIDC_CLIENT,
            "--client-secret": values["oidc-client"]["client_secret"],
            "--redirect-uri": f"{_api_address(chosen)}/console/signed-in",
        }
        self._start_module(IDENTITY, "local.identity", arguments, ready=lambda: listens(chosen.identity))

    def _start_pump(self, aws: LocalAws) -> None:
        functions = client(aws, "lambda")
        arguments = {"--aws": aws.endpoint}
        self._start_module(PUMP, "local.pump", arguments, ready=lambda: pump.has_taken_over(functions))

    def _start_gateway(self, chosen: Ports, aws: LocalAws, api_id: str) -> None:
        arguments = {
            "--port": str(chosen.api),
            "--aws": aws.endpoint,
            "--api-id": api_id,
            "--mails": str(self.mails),
        }
        self._start_module(GATEWAY, "local.gateway", arguments, ready=lambda: listens(chosen.api))

    def _start_module(self, name: str, module: str, arguments: Mapping[str, str], *, ready: Callable[[], bool]) -> None:
        words = [word for pair in arguments.items() for word in pair]
        environment = ministack.without_aws(self.environment) | {"PYTHONUNBUFFERED": "1"}
        command = [sys.executable, "-m", module, *words]
        processes.start(name, command, run=self._run, environment=environment, folder=self.project)
        processes.wait_ready(name, ready, run=self._run, seconds=30)

    def _document(
        self, chosen: Ports, aws: LocalAws, found: list[Resource], published: Mapping[str, Any]
    ) -> dict[str, Any]:
        api = _api_address(chosen)
        return {
            "api": api,
            "aws": aws.endpoint,
            "stripe": self._stripe_address(chosen),
            "console": f"{api}/console",
            "identity": self._identity_address(chosen),
            "mail": mailbox.list_url(aws.endpoint),
            "mails": str(self.mails),
            "region": aws.region,
            "stack": sam.STACK_NAME,
            "cli": str(Path(sys.executable).with_name("tollgate")),
            "secrets": published,
            "bus": next(resource.physical for resource in found if resource.kind == "AWS::Events::EventBus"),
            **endpoints.by_kind(found, sam.STACK_NAME),
        }


def _api_address(chosen: Ports) -> str:
    return f"http://{LOOPBACK}:{chosen.api}"


def client(aws: LocalAws, service: Any) -> Any:
    """A boto3 client of the local AWS with the root key."""
    return aws.session().client(service, endpoint_url=aws.endpoint)


def listens(port: int) -> bool:
    """Whether something accepts connections on the loopback port."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.settimeout(1)
        return probe.connect_ex((LOOPBACK, port)) == 0
