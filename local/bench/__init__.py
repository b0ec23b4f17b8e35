"""``make bench``: what a receipt costs in processor time, and a message and a page in DynamoDB's units.

``receipts`` times providers and prices; ``stage`` counts what the whole meter stage asks of a local AWS of its own;
``pages`` counts what pages ask, of rows (``many``) that a client over memory (``kept``) gives out where writing them
would take too long. ``capacity`` holds the rules by which DynamoDB counts, ``page`` what is shown. Always true: a
figure in units or calls is counted from the items that were really written and read, so that it does not depend on the
machine.
"""
