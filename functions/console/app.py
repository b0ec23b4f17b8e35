"""Console: the JSON API for the platform (standing before it sends) and for finance (invoices, approval)."""

from __future__ import annotations

import hmac
import json
from datetime import date
from http import HTTPStatus
from typing import Annotated, Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.event_handler.exceptions import NotFoundError, ServiceError, UnauthorizedError
from aws_lambda_powertools.event_handler.middlewares import NextMiddleware
from aws_lambda_powertools.event_handler.openapi.exceptions import RequestUnsupportedContentType, RequestValidationError
from aws_lambda_powertools.event_handler.openapi.models import HTTPBearer
from aws_lambda_powertools.event_handler.openapi.params import Body
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from tollgate import clock, runtime
from tollgate.domain.errors import Conflict, Invalid, NotFound, RetryLater, RevisionChanged, TollgateError
from tollgate.stages import views
from tollgate.stages.issue import approve_invoice

logger = Logger()
metrics = Metrics()
app = APIGatewayHttpResolver(enable_validation=True)
app.configure_openapi(
    title="Tollgate", version="1", security_schemes={"platformKey": HTTPBearer()}, security=[{"platformKey": []}]
)
app.enable_swagger(path="/api/docs")

OPEN = frozenset({"/api/docs", "/api/openapi.json"})  # they describe the API and hold nothing of anybody
TELLING = {NotFound: 404, Conflict: 409, Invalid: 400}  # errors that are about what the caller asked for


def count(name: str, value: int) -> None:
    metrics.add_metric(name, MetricUnit.Count, value)


def built() -> runtime.Runtime:
    return runtime.from_environment(count)


class Approval(BaseModel):
    """Which revision was read, and who approves it."""

    model_config = ConfigDict(extra="forbid")
    revision: int = Field(ge=1)
    by: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]


def problem(status: int, detail: str, **more: Any) -> Response[str]:
    """A problem+json answer (RFC 9457)."""
    body = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail, **more}
    return Response(status_code=status, content_type="application/problem+json", body=json.dumps(body))


def fault(error: Exception) -> Response[str]:
    """A fault of ours: all of it in the log, nothing of it in the answer."""
    logger.error("failed", exc_info=error)
    return problem(500, "a fault on our side")


def bearer(app: APIGatewayHttpResolver, next_middleware: NextMiddleware) -> Response[Any]:
    """Only who has the platform's key gets in."""
    if app.current_event.path in OPEN:
        return next_middleware(app)
    scheme, _, key = app.current_event.headers.get("authorization", "").partition(" ")
    expected = built().secrets.text(built().settings.need("platform_key_secret"))
    if scheme.lower() != "bearer" or not hmac.compare_digest(key.strip().encode(), expected.encode()):
        raise UnauthorizedError("send the platform's key as a bearer token")
    return next_middleware(app)


app.use([bearer])


@app.exception_handler(TollgateError)  # type: ignore[untyped-decorator]  # Powertools leaves it untyped
def refused(error: TollgateError) -> Response[str]:
    if isinstance(error, RetryLater):
        logger.error("not ready", extra={"cause": str(error)})
        return problem(503, "not ready, ask again")
    status = next((status for kind, status in TELLING.items() if isinstance(error, kind)), None)
    if status is None:
        return fault(error)
    more = {"differences": list(error.differences)} if isinstance(error, RevisionChanged) else {}
    inside = isinstance(error, Conflict) and error.__cause__ is not None  # an SDK's words are not for callers
    return problem(status, "what was read has changed since, read it again" if inside else str(error), **more)


@app.exception_handler(Exception)  # type: ignore[untyped-decorator]  # Powertools leaves it untyped
def unexpected(error: Exception) -> Response[str]:
    return fault(error)


@app.exception_handler(RequestValidationError)  # type: ignore[untyped-decorator]  # Powertools leaves it untyped
def invalid(error: RequestValidationError) -> Response[str]:
    errors = [{"field": ".".join(map(str, e["loc"])), "expected": e["msg"]} for e in error.errors()]
    return problem(400, "the request is not valid", errors=errors)


@app.exception_handler(RequestUnsupportedContentType)  # type: ignore[untyped-decorator]  # as above
def unsupported(error: RequestUnsupportedContentType) -> Response[str]:
    return problem(415, "send application/json")


@app.exception_handler(ServiceError)  # type: ignore[untyped-decorator]  # Powertools leaves it untyped
def failed(error: ServiceError) -> Response[str]:
    return problem(error.status_code, str(error.msg))


@app.not_found
def nowhere(error: NotFoundError) -> Response[str]:
    return problem(404, "there is nothing at this address")


@app.get("/api/openapi.json", include_in_schema=False)
def description() -> Response[str]:
    """What this API can do, as OpenAPI 3.1."""
    return Response(status_code=200, content_type="application/json", body=app.get_openapi_json_schema())


@app.get("/tenants/<tenant>/standing")
def standing(tenant: str) -> dict[str, Any]:
    """Whether each service may be used now."""
    rt = built()
    view = views.standing_view(
        tenant, contracts_rows=rt.contracts, ledger=rt.ledger, holds=rt.holds, now=clock.now(), on=None
    )
    services: dict[str, Any] = view["services"]
    return services


@app.get("/api/tenants/<tenant>/usage")
def usage(tenant: str, on: date | None = None) -> dict[str, Any]:
    """Usage of a term against its allowances."""
    return views.usage_view(tenant, contracts_rows=built().contracts, ledger=built().ledger, now=clock.now(), on=on)


@app.get("/api/tenants/<tenant>/invoices")
def invoices(tenant: str) -> list[dict[str, Any]]:
    """Every invoice of a tenant."""
    views.current_contract(built().contracts.versions(tenant), tenant)
    return [views.invoice_view(invoice) for invoice in built().invoices.invoices(tenant)]


@app.post("/api/tenants/<tenant>/invoices/<period>/approve")
def approve(tenant: str, period: date, approval: Annotated[Approval, Body()]) -> dict[str, Any]:
    """Approve the revision that was read; refused with what moved when it is not the current one."""
    approved = approve_invoice(
        tenant,
        period,
        revision=approval.revision,
        by=approval.by,
        contracts_rows=built().contracts,
        invoices=built().invoices,
        now=clock.now(),
    )
    return views.invoice_view(approved)


@logger.inject_lambda_context
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer one request."""
    return app.resolve(event, context)
