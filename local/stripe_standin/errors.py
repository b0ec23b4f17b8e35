"""Stripe's error envelope: every refusal of the stand-in is a StripeError, and only the HTTP edge renders it.

Which endpoint answers which code, and the wording, is unverified [U] unless the message is a quotation from Stripe.
"""

from typing import Any

INVALID_REQUEST = "invalid_request_error"


class StripeError(Exception):
    """An answer other than 2xx: HTTP status, error type, code, parameter and extra headers."""

    def __init__(
        self,
        message: str,
        *,
        status: int = 400,
        kind: str = INVALID_REQUEST,
        code: str | None = None,
        param: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.kind = kind
        self.code = code
        self.param = param
        self.headers = headers or {}

    def body(self) -> dict[str, Any]:
        """The envelope `{"error": {type, message, code?, param?}}`."""
        error: dict[str, Any] = {"type": self.kind, "message": self.message}
        if self.code:
            error["code"] = self.code
            error["doc_url"] = f"https://stripe.com/docs/error-codes/{self.code.replace('_', '-')}"
        if self.param:
            error["param"] = self.param
        return {"error": error}


class ParameterError(StripeError):
    """A request that fails before execution; nothing is kept under its idempotency key."""


def unknown_parameter(param: str) -> ParameterError:
    return ParameterError(f"Received unknown parameter: {param}", code="parameter_unknown", param=param)


def not_implemented(param: str) -> ParameterError:
    """Known to Stripe, not to the stand-in: refused rather than ignored."""
    return ParameterError(
        f"{param} is known to Stripe but not implemented by the stand-in",
        code="standin_not_implemented",
        param=param,
    )


def missing_parameter(param: str) -> ParameterError:
    return ParameterError(f"Missing required param: {param}.", code="parameter_missing", param=param)


def invalid_integer(param: str, value: object) -> ParameterError:
    return ParameterError(f"Invalid integer: {value}", code="parameter_invalid_integer", param=param)


def invalid_value(param: str, message: str) -> ParameterError:
    return ParameterError(message, param=param)


def exclusive_parameters(*params: str) -> ParameterError:
    return ParameterError(
        f"You may only specify one of these parameters: {', '.join(params)}",
        code="parameters_exclusive",
        param=params[0],
    )


def no_such(kind: str, identity: str, param: str, *, in_path: bool = False) -> StripeError:
    """404 for an id in the path, 400 for an id in a parameter."""
    return StripeError(
        f"No such {kind}: '{identity}'", status=404 if in_path else 400, code="resource_missing", param=param
    )


def not_editable(message: str, param: str | None = None) -> StripeError:
    return StripeError(message, code="invoice_not_editable", param=param)


def wrong_status(message: str) -> StripeError:
    return StripeError(message, code="status_transition_invalid")
