"""What till.py does in front of a real server, through a network that loses answers.

    WALLET_API_KEY=sk_test_… python3 check.py URL
"""

from __future__ import annotations

import json
import os
import socket
import sys
import threading
import urllib.request
from collections.abc import Callable
from urllib.parse import urlsplit

from till import Refused, Till
from wallet_types import NewPayment


class LosesAnswers:
    """A way to the server on which the answers to the first charges are lost."""

    def __init__(self, url: str, charges: int) -> None:
        parts = urlsplit(url)
        self._server = (str(parts.hostname), int(parts.port or 80))
        self._lost = charges
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.charges = 0
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            client, _ = self._listener.accept()
            with client, socket.create_connection(self._server) as server:
                request = self._request(client)
                is_charge = request.startswith(b"POST /v1/payments ")
                self.charges += is_charge
                server.sendall(request)
                # The server has answered, so whatever it does is done.
                answer = self._answer(server)
                if not is_charge or self.charges > self._lost:
                    client.sendall(answer)

    @staticmethod
    def _request(client: socket.socket) -> bytes:
        received = b""
        while b"\r\n\r\n" not in received:
            received += client.recv(65536)
        head, _, body = received.partition(b"\r\n\r\n")
        length = 0
        for line in head.split(b"\r\n"):
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        while len(body) < length:
            body += client.recv(65536)
        return head + b"\r\n\r\n" + body

    @staticmethod
    def _answer(server: socket.socket) -> bytes:
        received = b""
        while part := server.recv(65536):
            received += part
        return received


def main() -> None:
    url, api_key = sys.argv[1], os.environ["WALLET_API_KEY"]
    till = Till(url, api_key)

    def payment(reference: str, amount: str, outcome: str = "succeeded") -> NewPayment:
        body = json.dumps({"outcome": outcome}).encode()
        request = urllib.request.Request(f"{url}/v1/test/codes", body)
        request.add_header("Authorization", f"Bearer {api_key}")
        with urllib.request.urlopen(request) as response:
            code: str = json.load(response)["code"]
        return {"code": code, "amount": amount, "currency": "CNY", "reference": reference}

    def refused(call: Callable[[], object]) -> str:
        try:
            call()
        except Refused as error:
            return error.problem["code"]
        raise AssertionError("it was not refused")

    paid = till.charge(payment("plain", "1.00"))
    assert paid["state"] == "succeeded" and paid["amount_settled"] == "1.00", paid
    assert till.payment(paid["id"]) == paid
    # The payer says yes, or no, while the till waits.
    assert till.charge(payment("yes", "1.00", "confirmed"))["state"] == "succeeded"
    assert till.charge(payment("no", "1.00", "refused"))["decline_code"] == "refused_by_payer"
    # The server does not know, and is asked again.
    assert till.charge(payment("unknown", "1.00", "lost_answer"))["state"] == "succeeded"

    # The first two answers are lost; the third is the one answer, and the payer paid once.
    network = LosesAnswers(url, charges=2)
    once = Till(network.url, api_key).charge(payment("lost", "2.00"))
    assert once["state"] == "succeeded" and network.charges == 3, (once, network.charges)

    # A cashier who gives up: the payment that went through is undone, and a late one refused.
    undone = till.cancel("lost")["payment"]
    assert undone is not None and undone["id"] == once["id"], undone
    assert undone["state"] == "canceled", undone
    assert till.cancel("never-came")["payment"] is None
    late = payment("never-came", "1.00")
    assert refused(lambda: till.charge(late)) == "reference_canceled"

    # No answer to a charge ever comes: the till gives up in time, and calls it off.
    deaf = Till(LosesAnswers(url, charges=1000).url, api_key)
    given_up = deaf.charge(payment("deaf", "3.00"), patience=2.5)
    assert given_up["state"] == "canceled", given_up

    # What is wrong with a request stays wrong, and is not asked again.
    for outcome in ("insufficient_funds", "invalid_code", "code_used", "over_code_limit"):
        wrong = payment(f"wrong-{outcome}", "1.00", outcome)
        assert refused(lambda: till.charge(wrong)) == outcome
    assert refused(lambda: Till(url, "sk_test_x").charge(wrong)) == "unauthorized"
    print("till.py: as it should be")


if __name__ == "__main__":
    main()
