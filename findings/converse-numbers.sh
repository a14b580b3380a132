#!/usr/bin/env bash
# Numbers in one request of Bedrock's Converse: modelled fields against the free-form document beside them.
#
# Versions: botocore 1.44.8.
# Expected: one set of rules for numbers in one JSON body; in particular no body that is not JSON.
# Seen: two encoders. In `inferenceConfig` a NaN becomes the string "NaN", a Decimal is sent as a number, and `True` passes as a
#   temperature and as a token limit and is sent as `true`, while 1.0 is refused as a limit. In `additionalModelRequestFields` a
#   NaN is sent bare, which no strict JSON parser reads, a Decimal is refused, and a tuple too. A temperature of -1 is refused
#   and 7 is not, as the client checks lower bounds only.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check 'botocore==1.44.8'
env -u AWS_BEARER_TOKEN_BEDROCK "$work/venv/bin/python" -W ignore - <<'PY'
import json
from decimal import Decimal

import botocore.session
from botocore.awsrequest import AWSResponse
from botocore.exceptions import ParamValidationError

sent = []


class Answer:
    def stream(self, **_: object) -> list[bytes]:
        return [b"{}"]


def keep(request: object, **_: object) -> AWSResponse:
    sent.append(json.loads(request.body, parse_constant=lambda name: f"bare {name}"))
    return AWSResponse(request.url, 200, {"content-type": "application/json"}, Answer())


client = botocore.session.get_session().create_client(
    "bedrock-runtime", region_name="us-east-1", aws_access_key_id="none", aws_secret_access_key="none"
)
client.meta.events.register("before-send.bedrock-runtime", keep)


def send(group: str, name: str, value: object) -> object:
    """The value in the body; "refused" if botocore does not send it."""
    try:
        client.converse(modelId="m", messages=[{"role": "user", "content": [{"text": "hello"}]}], **{group: {name: value}})
    except ParamValidationError:
        return "refused"
    return sent[-1][group][name]


NAN = float("nan")
CONFIG, DOCUMENT = "inferenceConfig", "additionalModelRequestFields"
for group, name, value, expected in (
    (CONFIG, "temperature", NAN, "NaN"),
    (DOCUMENT, "temperature", NAN, "bare NaN"),
    (CONFIG, "temperature", Decimal("0.5"), 0.5),
    (DOCUMENT, "temperature", Decimal("0.5"), "refused"),
    (CONFIG, "temperature", True, True),
    (CONFIG, "maxTokens", True, True),
    (CONFIG, "maxTokens", 1.0, "refused"),
    (CONFIG, "temperature", 7, 7),
    (CONFIG, "temperature", -1, "refused"),
    (CONFIG, "stopSequences", ("a",), ["a"]),
    (DOCUMENT, "stop", ("a",), "refused"),
):
    found = send(group, name, value)
    print(f"{group}.{name} = {value!r}: {found!r}")
    assert found == expected and type(found) is type(expected)
PY
