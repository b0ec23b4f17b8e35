"""Problems: refusals of the API as problem+json (RFC 9457), without anything of our insides."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Any, Final

from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.event_handler.exceptions import NotFoundError, ServiceError
from aws_lambda_powertools.event_handler.openapi.exceptions import RequestUnsupportedContentType, RequestValidationError

from tollgate.domain.errors import Conflict, Invalid, NotFound, RetryLater, RevisionChanged, TollgateError
from tollgate.domain.permissions import NotAllowed

TELLING: Final = {NotFound: 404, Conflict: 409, Invalid: 400, NotAllowed: 403}
"""Errors that are about what the caller asked for."""


def problem(status: int, detail: str, **more: Any) -> Response[str]:
    """A problem+json answer."""
    body = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail, **more}
    return Response(status_code=status, content_type="application/problem+json", body=json.dumps(body))


def install(app: APIGatewayHttpResolver, logger: Logger) -> None:
    """Make every error of an API leave as a problem."""

    def fault(error: Exception) -> Response[str]:
        """A fault of ours: all of it in the log, nothing of it in the answer."""
        logger.error("failed", exc_info=error)
        return problem(500, "a fault on our side")

    def refused(error: TollgateError) -> Response[str]:
        if isinstance(error, RetryLater):
            logger.error("not ready", extra={"cause": str(error)})
            return problem(503, "not ready, ask again")
        status = next((status for kind, status in TELLING.items() if isinstance(error, kind)), None)
        return fault(error) if status is None else _told(error, status)

    app.exception_handler(TollgateError)(refused)
    app.exception_handler(Exception)(fault)
    app.exception_handler(RequestValidationError)(_invalid)
    app.exception_handler(RequestUnsupportedContentType)(_unsupported)
    app.exception_handler(ServiceError)(_failed)
    app.not_found(_nowhere)


def _told(error: TollgateError, status: int) -> Response[str]:
    more: dict[str, Any] = {}
    if isinstance(error, RevisionChanged):
        more["differences"] = list(error.differences)
    if isinstance(error, Invalid):
        more["errors"] = [{"field": one.path, "expected": one.message} for one in error.problems]
    inside = isinstance(error, Conflict) and error.__cause__ is not None  # an SDK's words are not for callers
    return problem(status, "what was read has changed since, read it again" if inside else str(error), **more)


def _invalid(error: RequestValidationError) -> Response[str]:
    errors = [{"field": ".".join(map(str, e["loc"])), "expected": e["msg"]} for e in error.errors()]
    return problem(400, "the request is not valid", errors=errors)


def _unsupported(_error: RequestUnsupportedContentType) -> Response[str]:
    return problem(415, "send application/json")


def _failed(error: ServiceError) -> Response[str]:
    return problem(error.status_code, str(error.msg))


def _nowhere(_error: NotFoundError) -> Response[str]:
    return problem(404, "there is nothing at this address")
