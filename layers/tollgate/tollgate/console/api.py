"""API: the JSON beneath the pages, for scripts and for the platform. Its description is at /api/openapi.json."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime
from typing import Annotated, Any, Final

from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.event_handler.middlewares import NextMiddleware
from aws_lambda_powertools.event_handler.openapi.models import HTTPBearer
from aws_lambda_powertools.event_handler.openapi.params import Body
from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter

from tollgate.console import api_models as shapes
from tollgate.console import cookies, problems
from tollgate.console.callers import Caller, caller_of
from tollgate.console.ports import ConsolePorts
from tollgate.console.request import Request, read
from tollgate.domain.exports import READY, STAFF, Selection
from tollgate.domain.permissions import APPROVE_INVOICE, EXPORT_RECORDS, READ
from tollgate.stages import exports, views
from tollgate.stages.issue import approve_invoice
from tollgate.stages.views_exports import export_view

OPEN: Final = frozenset({"/api/openapi.json"})  # it describes the API and holds nothing of anybody
REFUSALS: Final[dict[int, Any]] = {
    status: {"description": text, "content": {"application/problem+json": {"model": shapes.Problem}}}
    for status, text in {
        400: "Not valid; names each field",
        401: "No key, or not the right one",
        403: "The role does not allow it",
        404: "Not there",
        409: "Has changed since it was read; says what moved",
        503: "Not ready, ask again",
    }.items()
}
DESCRIBED: Final[dict[int, Any]] = {200: {"description": "As asked"}, **REFUSALS}
router: Final = APIGatewayHttpRouter()  # type: ignore[no-untyped-call]  # Powertools leaves it untyped


class Api:
    """The API. ``resolve`` answers an event."""

    def __init__(self, *, ports: Callable[[], ConsolePorts], now: Callable[[], datetime], logger: Logger) -> None:
        self._ports, self._now = ports, now
        self._app = APIGatewayHttpResolver(enable_validation=True)
        self._app.configure_openapi(
            title="Tollgate",
            version="1",
            security_schemes={"platformKey": HTTPBearer(), "person": HTTPBearer(bearerFormat="JWT")},
            security=[{"platformKey": []}, {"person": []}],
        )
        self._app.use([self._known])
        problems.install(self._app, logger)
        self._app.get("/api/openapi.json", include_in_schema=False)(self._description)
        self._app.include_router(router)

    def resolve(self, event: dict[str, Any], context: Any) -> dict[str, Any]:
        """The HTTP API's answer to an event."""
        self._app.context.clear()  # nobody's request outlives its own answer
        return self._app.resolve(event, context)

    def _known(self, app: APIGatewayHttpResolver, next_middleware: NextMiddleware) -> Response[Any]:
        """Only who is known gets in, and only who has a role may read."""
        if app.current_event.path not in OPEN:
            request = read(app.current_event.raw_event, ports=self._ports(), now=self._now())
            request = replace(request, session=cookies.session_of(request))
            caller = caller_of(request)
            caller.must(READ)
            app.context.update(request=request, caller=caller)
        return next_middleware(app)

    def _description(self) -> Response[str]:
        """What this API can do, as OpenAPI 3.1."""
        return Response(status_code=200, content_type="application/json", body=self._app.get_openapi_json_schema())


def _request() -> Request:
    request: Request = router.context["request"]
    return request


def _caller() -> Caller:
    caller: Caller = router.context["caller"]
    return caller


@router.get("/tenants/<tenant>/standing", responses=DESCRIBED)
def standing(tenant: str) -> dict[str, shapes.Service]:
    """Whether each service may be used now."""
    ports = _request().ports
    view = views.standing_view(
        tenant, contracts_rows=ports.contracts, ledger=ports.ledger, holds=ports.holds, now=_request().now, on=None
    )
    services: dict[str, shapes.Service] = view["services"]
    return services


@router.get("/api/tenants/<tenant>/usage", responses=DESCRIBED)
def usage(tenant: str, on: date | None = None) -> shapes.Usage:
    """Usage of a term against its allowances."""
    ports = _request().ports
    view: Any = views.usage_view(tenant, contracts_rows=ports.contracts, ledger=ports.ledger, now=_request().now, on=on)
    return view  # type: ignore[no-any-return]  # checked against its shape on the way out


@router.get("/api/tenants/<tenant>/invoices", responses=DESCRIBED)
def invoices(tenant: str) -> list[shapes.Invoice]:
    """Every invoice of a tenant."""
    ports = _request().ports
    views.current_contract(ports.contracts.versions(tenant), tenant)
    found: Any = [views.invoice_view(invoice) for invoice in ports.invoices.invoices(tenant)]
    return found  # type: ignore[no-any-return]  # checked against its shape on the way out


@router.post("/api/tenants/<tenant>/invoices/<period>/approve", responses=DESCRIBED)
def approve(tenant: str, period: date, approval: Annotated[shapes.Approval, Body()]) -> shapes.Invoice:
    """Approve the revision that was read; refused with what moved when it is not the current one."""
    ports, caller = _request().ports, _caller()
    caller.must(APPROVE_INVOICE)
    approved = approve_invoice(
        tenant,
        period,
        revision=approval.revision,
        by=caller.named(approval.by),
        contracts_rows=ports.contracts,
        invoices=ports.invoices,
        now=_request().now,
    )
    view: Any = views.invoice_view(approved)
    return view  # type: ignore[no-any-return]  # checked against its shape on the way out


@router.post("/api/tenants/<tenant>/exports", responses=DESCRIBED)
def ask_for_export(tenant: str, question: Annotated[shapes.ExportQuestion, Body()]) -> shapes.Export:
    """Ask for a file of records; the same question within the hour, or while it is made, is the same file."""
    request, caller = _request(), _caller()
    caller.must(EXPORT_RECORDS)
    asked = exports.request_export(
        tenant,
        Selection(**question.model_dump(exclude={"by"})),
        side=STAFF,
        by=caller.named(question.by),
        contracts=request.ports.contracts,
        exports=request.ports.exports,
        now=request.now,
    )
    view: Any = export_view(asked, now=request.now)
    return view  # type: ignore[no-any-return]  # checked against its shape on the way out


@router.get("/api/tenants/<tenant>/exports", responses=DESCRIBED)
def list_exports(tenant: str) -> list[shapes.Export]:
    """The latest files of a tenant's records, those that customers asked for among them."""
    request = _request()
    views.current_contract(request.ports.contracts.versions(tenant), tenant)
    known = exports.shown(tenant, side=STAFF, exports=request.ports.exports)
    found: Any = [export_view(one, now=request.now) for one in known]
    return found  # type: ignore[no-any-return]  # checked against its shape on the way out


@router.get("/api/tenants/<tenant>/exports/<number>", responses=DESCRIBED)
def show_export(tenant: str, number: int) -> shapes.Export:
    """How a file stands; once it is ready, with an address to download it from."""
    request, files = _request(), _request().ports.export_files
    one = exports.one_shown(tenant, number, side=STAFF, exports=request.ports.exports)
    address = None
    if one.state(request.now) == READY:
        address = exports.download(
            tenant, number, side=STAFF, exports=request.ports.exports, files=files, now=request.now
        )
    view: Any = export_view(one, now=request.now, download=address)
    return view  # type: ignore[no-any-return]  # checked against its shape on the way out
