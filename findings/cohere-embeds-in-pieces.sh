#!/usr/bin/env bash
# How many requests a list of 250 texts becomes in Cohere's two clients, and what is lost when one of them fails.
#
# Versions: cohere 7.3.1.
# Expected: both clients of one package handle the API's limit of 96 texts a request in the same way.
# Seen: `Client.embed` cuts the list into 96, 96 and 58, sends the pieces at once from threads, joins the vectors in order, adds up the
#   billed tokens, and returns an id that is the three ids joined by ", ". When one piece is refused, the call raises, and the
#   vectors of the other pieces, already answered and billed, are gone. `ClientV2.embed` sends all 250 in one request and
#   leaves the refusal to the API.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check 'cohere==7.3.1'
"$work/venv/bin/python" -W ignore - <<'PY'
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import cohere

sizes: list[int] = []
refused: set[int] = set()


class Api(BaseHTTPRequestHandler):
    """The embed endpoint: one number for each text, its own value; a request of a size in `refused` is a 400."""

    def log_message(self, *_: Any) -> None:
        pass

    def do_POST(self) -> None:
        texts = json.loads(self.rfile.read(int(self.headers["content-length"])))["texts"]
        sizes.append(len(texts))
        vectors: Any = [[float(text)] for text in texts]
        answer = {
            "id": f"of-{len(texts)}",
            "response_type": "embeddings_floats",
            "embeddings": vectors if self.path == "/v1/embed" else {"float": vectors},
            "texts": texts,
            "meta": {"api_version": {"version": "1"}, "billed_units": {"input_tokens": len(texts)}},
        }
        status = 200
        if len(texts) in refused:
            status, answer = 400, {"message": "one text is too long"}
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


server = ThreadingHTTPServer(("127.0.0.1", 0), Api)
threading.Thread(target=server.serve_forever, daemon=True).start()
address = f"http://127.0.0.1:{server.server_port}"
wanted = dict(texts=[str(number) for number in range(250)], model="embed-v4.0", input_type="search_document")
numbers = [[float(number)] for number in range(250)]
try:
    first = cohere.Client(api_key="unused", base_url=address)
    result = first.embed(**wanted)
    print("Client:", sorted(sizes), result.id, result.meta.billed_units.input_tokens)
    assert sorted(sizes) == [58, 96, 96] and result.embeddings == numbers
    assert result.id == "of-96, of-96, of-58" and result.meta.billed_units.input_tokens == 250

    sizes.clear()
    refused.add(58)
    try:
        first.embed(**wanted)
        raise AssertionError("no error")
    except cohere.errors.BadRequestError as error:
        print("Client, the last piece refused:", sorted(sizes), "answered or not; the error has", error.body)
        assert 96 in sizes and error.body == {"message": "one text is too long"}
        assert not any(hasattr(error, name) for name in ("embeddings", "partial", "results"))

    sizes.clear()
    second = cohere.ClientV2(api_key="unused", base_url=address)
    result = second.embed(**wanted, embedding_types=["float"])
    print("ClientV2:", sizes, result.id)
    assert sizes == [250] and result.id == "of-250" and result.embeddings.float_ == numbers
finally:
    server.shutdown()
PY
