"""Settings: the environment, typed and read once. What a function does not need is not in its environment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields

from tollgate.domain.errors import TollgateError


class MissingSetting(TollgateError):
    """A variable that this function needs is not in its environment: a fault of the template, not of a caller."""

    def __init__(self, name: str) -> None:
        super().__init__(f"the environment variable {name} is not set")
        self.name = name


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Names and addresses of everything outside; each field is read from the variable of its name in capitals."""

    environment: str = "local"
    ledger_table: str = ""
    accounts_table: str = ""
    receipts_queue_url: str = ""
    receipts_bucket: str = ""
    exports_bucket: str = ""
    archive_bucket: str = ""
    public_url: str = ""
    event_bus_name: str = ""
    stripe_events_queue_url: str = ""
    meta_secret: str = ""
    plivo_secret: str = ""
    bird_secret: str = ""
    vonage_secret: str = ""
    telnyx_secret: str = ""
    infobip_secret: str = ""
    sinch_secret: str = ""
    twilio_secret: str = ""
    twilio_rest_secret: str = ""
    twilio_api_base: str = ""
    plivo_api_base: str = ""
    price_give_up_days: str = "7"
    stripe_secret: str = ""
    recipient_key_secret: str = ""
    platform_key_secret: str = ""
    stripe_api_base: str = ""
    mail_from: str = ""
    ops_email: str = ""
    finance_email: str = ""
    brand_name: str = "Tollgate"
    brand_accent: str = "#1f5fbf"
    brand_url: str = ""
    brand_legal: str = ""
    support_email: str = ""
    billing_email: str = ""
    mail_configuration_set: str = ""
    close_after_days: str = "3"
    aws_sms_default_account: str = ""
    console_url: str = ""
    queue_urls: str = ""
    meter_function: str = ""
    console_key_secret: str = ""
    oidc_issuer: str = ""
    oidc_client_id: str = ""
    oidc_client_secret: str = ""
    oidc_roles_claim: str = "cognito:groups"

    def need(self, field: str) -> str:
        """A setting that must be there. Raises MissingSetting."""
        value = str(getattr(self, field))
        if not value:
            raise MissingSetting(field.upper())
        return value


def read(environment: Mapping[str, str]) -> Settings:
    """The settings in an environment."""
    names = [field.name for field in fields(Settings)]
    return Settings(**{name: environment[name.upper()] for name in names if name.upper() in environment})
