"""What can be switched at run time and survives a restart.

Every switch marked [U] exists because Stripe's own behaviour is unverified; the default is the choice of this project.
"""

from typing import Literal

from pydantic import BaseModel, ConfigDict

# Minimum charge by currency in minor units. USD 0.50 is from a secondary source, the others are [U]; other
# currencies have no minimum here.
MINIMUM_CHARGE = {"usd": 50, "eur": 50, "gbp": 30, "aud": 50, "cad": 50, "chf": 50, "jpy": 50}


class Settings(BaseModel):
    """The stand-in's configuration; unknown names are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    due_from: Literal["created", "finalized"] = "created"  # [U] where days_until_due counts from
    minimum_charge: dict[str, int] = MINIMUM_CHARGE
    search_lag_seconds: int = 60
    pay_outcome: Literal["succeed", "decline"] = "succeed"
    unverified_events: bool = False  # [U] invoice.updated at finalize, invoiceitem.created per added line, ...
    zero_payment_succeeded: bool = False  # [U] invoice.payment_succeeded for an invoice settled at finalize
    overdue_events: bool = False  # [U] in Stripe only by an Automation
    will_be_due_days: int = 3
    credit_note_settles: bool = True  # [U] a credit note that leaves nothing to pay makes the invoice paid
    send_needs_email: bool = False  # [U] send_invoice needs a customer with an e-mail address
    webhook_url: str | None = None
    webhook_secrets: list[str] = []  # two while a secret is rolled
    bus_name: str | None = None
    bus_endpoint_url: str | None = None
    bus_region: str = "us-east-1"
    # EventBridge refuses PutEvents from `aws.` sources to everyone but AWS itself, and so do emulators that follow it:
    # there a source of another name, and a rule for it, must stand for Stripe's.
    bus_source: str = "aws.partner/stripe.com/ed_test_local"
    public_address: str | None = None  # base of hosted_invoice_url; None: the stand-in's own address
