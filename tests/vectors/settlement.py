"""Refusals that only the issuer's books can decide, described for the server's tests.

Steps are sentences; "key" is the idempotency key. 'expected' is the outcome of the last step:
'payment' says which payment exists afterwards, 'mark_moves' whether that step moved the device's
mark.
"""


def _scenario(name: str, steps: list[str], code: str, payment: str, mark_moves: bool) -> dict:
    expected = {"code": code, "payment": payment, "mark_moves": mark_moves}
    return {"name": name, "steps": steps, "expected": expected}


SCENARIOS = [
    _scenario(
        "the same code twice at one merchant, under a new key and reference",
        [
            "the payer shows a code with a limit of 200.00 CNY",
            "merchant A charges 12.50 CNY with it and succeeds",
            "merchant A charges 12.50 CNY with the same digits, a new key and reference",
        ],
        "code_used",
        "none",
        False,
    ),
    _scenario(
        "the same code at another merchant",
        [
            "the payer shows a code with a limit of 200.00 CNY",
            "merchant A charges 12.50 CNY with it and succeeds",
            "merchant B charges 1.00 CNY with the same digits",
        ],
        "code_used",
        "none",
        False,
    ),
    _scenario(
        "an older code of the step after a newer one",
        [
            "the payer shows a code with seq 0, then asks for a fresh one with seq 1",
            "merchant A charges the code with seq 1 and succeeds",
            "merchant B charges the code with seq 0",
        ],
        "code_used",
        "none",
        False,
    ),
    _scenario(
        "a declined code is burned",
        [
            "the payer shows a code with a limit of 200.00 CNY",
            "merchant A charges 200.01 CNY with it and is declined",
            "merchant A charges 200.00 CNY with the same digits, a new key and reference",
        ],
        "code_used",
        "none",
        False,
    ),
    _scenario(
        "a canceled payment leaves its code burned",
        [
            "merchant A charges 12.50 CNY with a code and succeeds",
            "merchant A cancels the payment",
            "merchant A charges 12.50 CNY with the same digits, a new key and reference",
        ],
        "code_used",
        "none",
        False,
    ),
    _scenario(
        "an amount over the code's limit",
        [
            "the payer shows a code with a limit of 200.00 CNY",
            "merchant A charges 200.01 CNY with it",
        ],
        "over_code_limit",
        "declined",
        True,
    ),
    _scenario(
        "another currency than the code's",
        [
            "the payer shows a code with a limit of 200.00 CNY",
            "merchant A charges 12.50 USD with it",
        ],
        "currency_mismatch",
        "declined",
        True,
    ),
    _scenario(
        "a revoked device",
        [
            "the payer's device makes a code",
            "the payer revokes the device",
            "merchant A charges 12.50 CNY with the code while its step is current",
        ],
        "device_revoked",
        "declined",
        True,
    ),
    _scenario(
        "another merchant's terminal",
        [
            "merchant B has registered terminal T",
            "the payer shows a code that is bound to T",
            "merchant A charges it and names T as its terminal",
        ],
        "unknown_terminal",
        "none",
        False,
    ),
    _scenario(
        "a code that expired while it waited in the queue",
        [
            "the payer shows a code; it is verified in the last second of its window",
            "the transaction that settles it reads a time after the window",
        ],
        "code_expired",
        "none",
        False,
    ),
    _scenario(
        "a till repeats a payment that succeeded after its code has expired",
        [
            "merchant A charges 12.50 CNY with a code and succeeds, but never hears the answer",
            "two minutes later merchant A repeats the request with the same idempotency key",
        ],
        "succeeded",
        "succeeded",
        False,
    ),
    _scenario(
        "the same code, amount and reference under a new idempotency key",
        [
            "merchant A charges 12.50 CNY with a code under reference R and succeeds",
            "merchant A sends the same code, amount and reference with a new idempotency key",
        ],
        "succeeded",
        "succeeded",
        False,
    ),
]
