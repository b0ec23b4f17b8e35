"""Which parameters each operation accepts: the names of API version 2026-10-28.endive that the stand-in knows.

A name that Stripe knows and the stand-in does not implement is listed as Refused; every other name is unknown.
"""

from collections.abc import Mapping

from .schema import (
    Choice,
    Fields,
    Flag,
    Form,
    Integer,
    Items,
    Metadata,
    Number,
    OnlyFalse,
    Parameter,
    Range,
    Refused,
    Text,
)

ITEMS_PER_INVOICE = 250
TIME = Integer(least=0)
CURRENCY = Text(pattern=r"[a-zA-Z]{3}")
EXPAND: Mapping[str, Parameter] = {"expand": Items(Text())}
PAGE: Mapping[str, Parameter] = {
    **EXPAND,
    "limit": Integer(least=1, most=100),
    "starting_after": Text(),
    "ending_before": Text(),
}
SEARCH = Form({**EXPAND, "query": Text(), "page": Text(), "limit": Integer(least=1, most=100)}, ("query",))
EXPAND_ONLY = Form(EXPAND)
NOTHING = Form()


def _refused(*names: str) -> dict[str, Parameter]:
    return {name: Refused() for name in names}


CUSTOM_FIELDS = Items(Fields({"name": Text(40), "value": Text(140)}, ("name", "value")), most=4, unset=True)
PERIOD = Fields({"start": TIME, "end": TIME}, ("start", "end"))
TAX_BEHAVIOR = Choice(("exclusive", "inclusive", "unspecified"))
RENDERING = Fields(
    {
        "amount_tax_display": Choice(("exclude_tax", "include_inclusive_tax"), unset=True),
        "pdf": Fields({"page_size": Choice(("a4", "auto", "letter"))}),
        "template": Text(),
        "template_version": Integer(unset=True),
    }
)

# ---- customers -------------------------------------------------------------------------------------------------------
ADDRESS = Fields(
    {name: Text(unset=True) for name in ("line1", "line2", "postal_code", "city", "state", "country")}, unset=True
)
CUSTOMER: Mapping[str, Parameter] = {
    **EXPAND,
    "name": Text(256, unset=True),
    "email": Text(512, unset=True),
    "phone": Text(20, unset=True),
    "description": Text(5000, unset=True),
    "address": ADDRESS,
    "preferred_locales": Items(Text()),
    "tax_exempt": Choice(("exempt", "none", "reverse"), unset=True),
    "invoice_settings": Fields(
        {
            "custom_fields": CUSTOM_FIELDS,
            "footer": Text(5000, unset=True),
            "rendering_options": Fields(
                {
                    "amount_tax_display": Choice(("exclude_tax", "include_inclusive_tax"), unset=True),
                    "template": Text(),
                },
                unset=True,
            ),
            "default_payment_method": Refused(),
        }
    ),
    "metadata": Metadata(),
    "balance": Integer(),
    "invoice_prefix": Text(pattern=r"[A-Z0-9]{1,12}"),
    "next_invoice_sequence": Integer(least=1),
    **_refused(
        "business_name", "individual_name", "cash_balance", "default_source", "payment_method", "shipping", "source"
    ),
    **_refused("tax", "test_clock", "validate"),
}
CUSTOMER_CREATE = Form(
    {
        **{name: accepted for name, accepted in CUSTOMER.items() if name != "default_source"},
        "tax_id_data": Items(Fields({"type": Text(), "value": Text()}, ("type", "value"))),
    }
)
CUSTOMER_UPDATE = Form(
    {name: accepted for name, accepted in CUSTOMER.items() if name not in ("payment_method", "test_clock")}
)
CUSTOMER_LIST = Form({**PAGE, "created": Range(), "email": Text(), "test_clock": Refused()})

# ---- invoice items and lines -----------------------------------------------------------------------------------------
_PRICE_DATA: Mapping[str, Parameter] = {
    "currency": CURRENCY,
    "product": Text(),
    "unit_amount": Integer(),
    "unit_amount_decimal": Number(),
    "tax_behavior": TAX_BEHAVIOR,
}
_LINE: Mapping[str, Parameter] = {
    "amount": Integer(),
    "description": Text(5000),  # an old changelog says 500 for lines [U]
    "discountable": Flag(),
    "metadata": Metadata(),
    "period": PERIOD,
    "quantity": Integer(least=0),
    "quantity_decimal": Number(),
    **_refused("discounts", "pricing"),
}
INVOICEITEM_CREATE = Form(
    {
        **EXPAND,
        **_LINE,
        "customer": Text(),
        "invoice": Text(),
        "currency": CURRENCY,
        "unit_amount_decimal": Number(),
        "price_data": Fields(_PRICE_DATA, ("currency", "product")),
        "tax_rates": Items(Text()),
        "tax_behavior": TAX_BEHAVIOR,
        **_refused("customer_account", "subscription", "tax_code"),
    }
)
INVOICEITEM_LIST = Form(
    {
        **PAGE,
        "customer": Text(),
        "invoice": Text(),
        "pending": Flag(),
        "created": Range(),
        "customer_account": Refused(),
    }
)
_TAX_AMOUNT = Fields(
    {
        "amount": Integer(),
        "taxable_amount": Integer(),
        "tax_rate_data": Fields(
            {
                "display_name": Text(50),
                "inclusive": Flag(),
                "percentage": Number(),
                **_refused("country", "description", "jurisdiction", "jurisdiction_level", "state", "tax_type"),
            },
            ("display_name", "inclusive", "percentage"),
        ),
        "taxability_reason": Text(),
    },
    ("amount", "taxable_amount", "tax_rate_data"),
)
ADD_LINES = Form(
    {
        **EXPAND,
        "invoice_metadata": Metadata(),
        "lines": Items(
            Fields(
                {
                    **_LINE,
                    "invoice_item": Text(),
                    "price_data": Fields(
                        {
                            **_PRICE_DATA,
                            "product_data": Fields(
                                {
                                    "name": Text(),
                                    **_refused("description", "images", "metadata", "tax_code", "unit_label"),
                                },
                                ("name",),
                            ),
                        },
                        ("currency",),
                    ),
                    "tax_rates": Items(Text(), unset=True),
                    "tax_amounts": Items(_TAX_AMOUNT, most=20, unset=True),
                }
            ),
            most=ITEMS_PER_INVOICE,
        ),
    },
    ("lines",),
)

# ---- invoices --------------------------------------------------------------------------------------------------------
INVOICE_UPDATE_FIELDS: Mapping[str, Parameter] = {
    **EXPAND,
    "collection_method": Choice(("charge_automatically", "send_invoice")),
    "days_until_due": Integer(least=0),
    "due_date": TIME,
    "auto_advance": Flag(),
    "automatically_finalizes_at": TIME,
    "description": Text(1500, unset=True),
    "footer": Text(5000, unset=True),
    "number": Text(26, unset=True),
    "custom_fields": CUSTOM_FIELDS,
    "default_tax_rates": Items(Text(), unset=True),
    "effective_at": Integer(least=0, unset=True),
    "statement_descriptor": Text(22, unset=True),
    "rendering": RENDERING,
    "metadata": Metadata(),
    "automatic_tax": Fields({"enabled": OnlyFalse(), "liability": Refused()}, ("enabled",)),
    **_refused(
        "account_tax_ids",
        "application_fee_amount",
        "default_payment_method",
        "default_source",
        "discounts",
        "issuer",
        "on_behalf_of",
        "payment_settings",
        "shipping_cost",
        "shipping_details",
        "transfer_data",
    ),
}
INVOICE_UPDATE = Form(INVOICE_UPDATE_FIELDS)
INVOICE_CREATE = Form(
    {
        **INVOICE_UPDATE_FIELDS,
        "customer": Text(),
        "currency": CURRENCY,
        "pending_invoice_items_behavior": Choice(("exclude", "include")),
        "from_invoice": Fields({"action": Choice(("revision",)), "invoice": Text()}, ("action", "invoice")),
        **_refused("customer_account", "subscription"),
    }
)
INVOICE_LIST = Form(
    {
        **PAGE,
        "customer": Text(),
        "status": Choice(("draft", "open", "paid", "uncollectible", "void")),
        "collection_method": Choice(("charge_automatically", "send_invoice")),
        "created": Range(),
        "due_date": Range(),
        **_refused("customer_account", "subscription"),
    }
)
LINE_LIST = Form(PAGE)
FINALIZE = Form({**EXPAND, "auto_advance": Flag()})
PAY = Form(
    {
        **EXPAND,
        "paid_out_of_band": Flag(),
        "forgive": Flag(),
        "off_session": Flag(),
        "payment_method": Text(),
        "source": Text(),
        "mandate": Text(unset=True),
    }
)

# ---- credit notes, balance, tax rates, events ------------------------------------------------------------------------
CREDIT_NOTE_CREATE = Form(
    {
        **EXPAND,
        "invoice": Text(),
        "amount": Integer(least=0),
        "lines": Items(
            Fields(
                {
                    "type": Choice(("invoice_line_item", "custom_line_item")),
                    "invoice_line_item": Text(),
                    "amount": Integer(least=0),
                    "quantity": Integer(least=0),
                    "description": Text(5000),
                    "unit_amount": Integer(),
                    "unit_amount_decimal": Number(),
                    "tax_rates": Items(Text(), unset=True),
                    "metadata": Metadata(),
                    "tax_amounts": Refused(),
                },
                ("type",),
            )
        ),
        "credit_amount": Integer(least=0),
        "out_of_band_amount": Integer(least=0),
        "email_type": Choice(("credit_note", "none")),
        "memo": Text(5000),
        "reason": Choice(("duplicate", "fraudulent", "order_change", "product_unsatisfactory")),
        "effective_at": TIME,
        "metadata": Metadata(),
        **_refused("refund_amount", "refunds", "shipping_cost"),
    },
    ("invoice",),
)
CREDIT_NOTE_LIST = Form(
    {**PAGE, "customer": Text(), "invoice": Text(), "created": Range(), "customer_account": Refused()}
)
BALANCE_CREATE = Form(
    {**EXPAND, "amount": Integer(), "currency": CURRENCY, "description": Text(350), "metadata": Metadata()},
    ("amount", "currency"),
)
BALANCE_LIST = Form({**PAGE, "created": Range(), "invoice": Text()})
TAX_RATE_CREATE = Form(
    {
        **EXPAND,
        "display_name": Text(50),
        "inclusive": Flag(),
        "percentage": Number(),
        "active": Flag(),
        "country": Text(),
        "description": Text(5000),
        "jurisdiction": Text(50),
        "state": Text(2),
        "tax_type": Text(),
        "metadata": Metadata(),
    },
    ("display_name", "inclusive", "percentage"),
)
TAX_RATE_LIST = Form({**PAGE, "active": Flag(), "created": Range(), "inclusive": Flag()})
EVENT_LIST = Form(
    {
        **PAGE,
        "type": Text(),
        "types": Items(Text(), most=20),
        "created": Range(),
        "delivery_success": Flag(),
    }
)
