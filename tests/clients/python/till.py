"""A till that charges shown codes and never guesses what became of a payment.

    WALLET_API_KEY=sk_test_… python3 till.py http://127.0.0.1:8080 order-17 12.50 CNY < code.txt

Copy it: it needs Python 3.11 and nothing else. `wallet_types.py` beside it is generated from the
server's own description of its API.

An answer that was lost says nothing about the money: it may have moved. So `charge` asks again
with the same idempotency key, which pays once however often it is sent, until it knows. When its
time is up it calls the reference off, which ends a payment that succeeded, one that waits for its
payer, and one that is still on its way.
"""

from __future__ import annotations

import http.client
import json
import os
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from typing import Any, cast

from wallet_types import Cancellation, NewCancellation, NewPayment, Payment, Problem

# How long a customer waits for a payment, and how long one request may take: longer than the
# server keeps a request open (40 s) only where it is asked to wait.
PATIENCE_SECONDS = 45.0
REQUEST_SECONDS = 10.0
PAYER_SECONDS = 25
# Between two tries, unless the server says how long.
PAUSE_SECONDS = 1.0


class Refused(Exception):
    """The server said no, and what may be concluded from it."""

    def __init__(self, problem: Problem, retry_after: float) -> None:
        super().__init__(f"{problem['code']}: {problem['detail']}")
        self.problem = problem
        self.retry_after = retry_after

    @property
    def passes(self) -> bool:
        """Whether the same request may get another answer: nothing is wrong with it."""
        return self.problem["certainty"] == "unknown" or self.problem["status"] in (429, 503)


class Unanswered(Exception):
    """No answer came, or none that says anything."""


class Unsettled(Exception):
    """The time is up and the server cannot be reached: the reference must be called off later."""


class Till:
    """A merchant's API key, and the server that it is for."""

    def __init__(self, url: str, api_key: str) -> None:
        self._url = url.rstrip("/")
        self._api_key = api_key

    def charge(self, payment: NewPayment, patience: float = PATIENCE_SECONDS) -> Payment:
        """Charges a shown code, and returns the payment once it is decided.

        A payment that is not decided in time is called off, and returned as `canceled`. Raises
        `Refused` if there is no payment, and `Unsettled` if there may be one.
        """
        deadline = time.monotonic() + patience
        try:
            charged = self._until(
                deadline,
                # The key belongs to this reference, so that a till that was switched off in the
                # middle of it can go on with nothing but what it wrote down before.
                lambda: self._call("POST", "/v1/payments", payment, f"charge-{payment['reference']}"),
            )
            return self._decided(cast(Payment, charged), deadline)
        except Unanswered:
            canceled = self.cancel(payment["reference"])["payment"]
            if canceled is None:
                raise
            return canceled

    def cancel(self, reference: str, patience: float = PATIENCE_SECONDS) -> Cancellation:
        """Calls off whatever stands under a reference, or will."""
        body: NewCancellation = {"reference": reference}
        try:
            answer = self._until(
                time.monotonic() + patience,
                lambda: self._call("POST", "/v1/payments/cancel", body, f"cancel-{reference}"),
            )
        except Unanswered as error:
            raise Unsettled(f"{reference} must be called off before it is charged again") from error
        return cast(Cancellation, answer)

    def payment(self, payment_id: str, wait: int = 0) -> Payment:
        """The truth about a payment, at once or as soon as its payer has decided."""
        path = f"/v1/payments/{urllib.parse.quote(payment_id)}?wait={wait}"
        return cast(Payment, self._call("GET", path, timeout=wait + REQUEST_SECONDS))

    def _decided(self, payment: Payment, deadline: float) -> Payment:
        """Waits until a payment does not wait for its payer any more."""
        while payment["state"] == "requires_confirmation":
            left = int(deadline - time.monotonic())
            if left <= 0:
                raise Unanswered("the payer has not decided")
            wait, known = min(left, PAYER_SECONDS), payment["id"]
            answer = self._until(deadline, lambda: self.payment(known, wait))
            payment = cast(Payment, answer)
        return payment

    def _until(self, deadline: float, ask: Any) -> Any:
        """Asks until there is an answer that says something, or the time is up."""
        while True:
            pause = PAUSE_SECONDS
            try:
                return ask()
            except Refused as refused:
                if not refused.passes:
                    raise
                pause = max(pause, refused.retry_after)
                reason: Exception = refused
            except (OSError, http.client.HTTPException, ValueError) as error:
                reason = error
            if time.monotonic() + pause >= deadline:
                raise Unanswered(str(reason)) from reason
            time.sleep(pause)

    def _call(
        self,
        method: str,
        path: str,
        body: NewPayment | NewCancellation | None = None,
        idempotency_key: str | None = None,
        timeout: float = REQUEST_SECONDS,
    ) -> Any:
        """One request and its answer."""
        request = urllib.request.Request(self._url + path, method=method)
        request.add_header("Authorization", f"Bearer {self._api_key}")
        if body is not None:
            request.data = json.dumps(body).encode()
            request.add_header("Content-Type", "application/json")
        if idempotency_key is not None:
            request.add_header("Idempotency-Key", idempotency_key)
        try:
            with urllib.request.urlopen(request, timeout=timeout) as response:
                return json.load(response)
        except urllib.error.HTTPError as error:
            if error.headers.get_content_type() != "application/problem+json":
                # A proxy spoke, not the server.
                raise ConnectionError(f"{error.code} {error.reason}") from error
            problem = cast(Problem, json.load(error))
            raise Refused(problem, float(error.headers.get("Retry-After", "0"))) from error


def main() -> int:
    """Charges once, and says what became of it."""
    url, reference, amount, currency = sys.argv[1:]
    till = Till(url, os.environ["WALLET_API_KEY"])
    payment: NewPayment = {
        "code": sys.stdin.read().strip(),
        "amount": amount,
        "currency": currency,
        "reference": reference,
    }
    try:
        charged = till.charge(payment)
    except Refused as refused:
        print(f"not paid: {refused}")
        return 1
    print(f"{charged['state']}: {charged['amount']} {charged['currency']} {charged['id']}")
    return 0 if charged["state"] == "succeeded" else 1


if __name__ == "__main__":
    sys.exit(main())
