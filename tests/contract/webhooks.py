"""A webhook from the running server, verified as a merchant would: its HMAC by the library of the
Standard Webhooks project, its Ed25519 signature by cryptography.

    WALLET_API_KEY=sk_test_… python3 webhooks.py URL

The server must have been started with webhooks.allow_private = true.
"""

import base64
import json
import os
import sys
import time
import urllib.request
from http.server import BaseHTTPRequestHandler, HTTPServer
from queue import Queue
from threading import Thread

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

PATIENCE_SECONDS = 30


class Endpoint(BaseHTTPRequestHandler):
    """Keeps what it is sent."""

    came: "Queue[tuple[dict[str, str], bytes]]" = Queue()

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.came.put((headers, body))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


def call(url: str, path: str, body: dict[str, object]) -> dict[str, object]:
    headers = {
        "authorization": "Bearer " + os.environ["WALLET_API_KEY"],
        "idempotency-key": f"webhooks-{time.time_ns()}",
    }
    request = urllib.request.Request(url + path, json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request, timeout=PATIENCE_SECONDS) as answer:
        return json.load(answer)


def refused(verify, what: str) -> None:
    try:
        verify()
    except (WebhookVerificationError, InvalidSignature):
        return
    sys.exit(f"{what} is taken for genuine")


def main(url: str) -> None:
    server = HTTPServer(("127.0.0.1", 0), Endpoint)
    Thread(target=server.serve_forever, daemon=True).start()
    where = f"http://127.0.0.1:{server.server_port}/hooks"
    endpoint = call(url, "/v1/webhook_endpoints", {"url": where, "events": ["payment.succeeded"]})
    path = f"/v1/webhook_endpoints/{endpoint['id']}"
    code = call(url, "/v1/test/codes", {"outcome": "succeeded", "limit": "20.00"})
    reference = f"webhooks-{time.time_ns()}"
    charge = {"code": code["code"], "amount": "12.50", "currency": "CNY", "reference": reference}
    payment = call(url, "/v1/payments", charge)

    headers, body = Endpoint.came.get(timeout=PATIENCE_SECONDS)
    hook = Webhook(str(endpoint["secret"]))
    told = hook.verify(body, headers)
    assert told["type"] == "payment.succeeded", told
    assert told["data"] == payment, (told, payment)

    def by_key(public_key: str, headers: dict[str, str], body: bytes) -> None:
        key = Ed25519PublicKey.from_public_bytes(base64.b64decode(public_key.removeprefix("whpk_")))
        signed = b".".join(
            [headers["webhook-id"].encode(), headers["webhook-timestamp"].encode(), body]
        )
        signatures = headers["webhook-signature"].split(" ")
        for signature in (it[4:] for it in signatures if it.startswith("v1a,")):
            try:
                return key.verify(base64.b64decode(signature), signed)
            except InvalidSignature:
                continue
        raise InvalidSignature

    public_key = str(endpoint["public_key"])
    by_key(public_key, headers, body)

    forged = body.replace(b"12.50", b"12.51")
    assert forged != body
    refused(lambda: hook.verify(forged, headers), "another body")
    refused(lambda: by_key(public_key, headers, forged), "another body")
    other = {**headers, "webhook-id": "evt_1_0_1"}
    refused(lambda: hook.verify(body, other), "another id")
    refused(lambda: by_key(public_key, other, body), "another id")
    old = {**headers, "webhook-timestamp": str(int(time.time()) - 3600)}
    refused(lambda: hook.verify(body, old), "an old time")

    # After a rotation both secrets verify what is sent again, which says the same.
    rotated = call(url, f"{path}/rotate_secret", {})
    call(url, f"{path}/deliveries/{headers['webhook-id']}/replay", {})
    again, same = Endpoint.came.get(timeout=PATIENCE_SECONDS)
    assert (again["webhook-id"], same) == (headers["webhook-id"], body)
    for made in (endpoint, rotated):
        Webhook(str(made["secret"])).verify(same, again)
        by_key(str(made["public_key"]), again, same)
    refused(lambda: Webhook(str(rotated["secret"])).verify(body, headers), "a later secret")
    print("webhooks: the signatures verify, and nothing else does")


if __name__ == "__main__":
    main(sys.argv[1])
