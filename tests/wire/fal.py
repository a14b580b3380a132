"""How recorded traffic of fal's queue becomes requests of ours."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from pipelex_backend_fal import pipelex_backends
from pipelex_backend_fal._arguments import SIZES
from pipelex_core.requests import ImageRequest
from pipelex_core.specs import BackendConfig, ModelSpec, ModelType, Secret
from tests.wire.harness import Expected, Record, default_expected, flow_of

if TYPE_CHECKING:
    from pipelex_core.backend import Backend

RATIOS = {size: ratio for ratio, size in SIZES.items()}
SAME_NAME = {
    "guidance_scale": "guidance_scale",
    "seed": "seed",
    "enable_safety_checker": "is_moderated",
    "num_images": "number",
    "output_format": "output_format",
    "format": "output_format",
    "aspect_ratio": "aspect_ratio",
}
NUMBERS = {"num_inference_steps": "nb_steps", "safety_tolerance": "safety_tolerance"}


class FalAdapter:
    """fal's queue; its flows are completed where only a part of them was recorded."""

    stems: tuple[str, ...] = ("fal__queue", "fal__run")
    skipped: dict[str, str] = {  # noqa: RUF012 -- the harness's protocol has it so
        "run": "the synchronous endpoint is not used: a job in the queue can be cancelled and is not lost",
        "run_stream": "steps of an image are not streamed",
        "queue_stream": "the status is polled, not streamed",
        "queue_cancel": "needs a caller who gives up: test_a_recorded_cancellation",
    }
    replay_options: dict[str, Any] = {"rewrites_urls": True}  # noqa: RUF012 -- as above

    def backend(self, record: Record, url: str) -> Backend:
        """The plugin's backend, at the replay server."""
        backend: Backend = pipelex_backends()["fal"](
            BackendConfig(name="fal", endpoint=url, api_key=Secret("key-of-a-test"))
        )
        return backend

    def request(self, record: Record) -> ImageRequest:
        """The submission of the record's flow, or a prompt alone where it was not recorded."""
        record = next(other for other in flow_of(record, self) if other["request"]["method"] == "POST")
        body = dict(record["request"]["body"] or {})
        prompt = body.pop("prompt", "a prompt that was not recorded")
        settings: dict[str, Any] = {SAME_NAME[name]: body.pop(name) for name in list(body) if name in SAME_NAME}
        settings |= {NUMBERS[name]: int(body.pop(name)) for name in list(body) if name in NUMBERS}
        size = body.pop("image_size", None)
        if isinstance(size, dict):
            settings |= {"width": size["width"], "height": size["height"]}
        elif size in RATIOS:
            settings["aspect_ratio"] = RATIOS[size]
        elif size is not None:
            body["image_size"] = size
        spec = ModelSpec(
            name="recorded",
            backend="fal",
            sdk="fal",
            model_id=application(record),
            model_type=ModelType.IMG_GEN,
            options={"arguments": body},
        )
        return ImageRequest(spec=spec, prompt=prompt, **settings)

    def expected(self, record: Record) -> Expected:
        """`expect` as it stands."""
        return default_expected(record)

    def completed(self, records: list[Record]) -> list[Record]:
        """A flow with a submission, a status that ends it, and a result, where these were not recorded."""
        names = {record["scenario"] for record in records}
        app, job = application(records[0]), records[0]["flow"]
        base = "/" + "/".join(app.split("/")[:2]) + f"/requests/{job}"
        answer = {
            "request_id": job,
            "response_url": f"https://queue.fal.run{base}",
            "status_url": f"https://queue.fal.run{base}/status",
            "cancel_url": f"https://queue.fal.run{base}/cancel",
            "logs": None,
        }
        whole = list(records)
        if "queue_submit" not in names:
            submitted = {**answer, "status": "IN_QUEUE", "queue_position": 0}
            whole.insert(0, composed(records[0], "POST", f"/{app}", submitted))
        if "queue_status_completed" not in names:
            whole.append(composed(records[0], "GET", f"{base}/status", {**answer, "status": "COMPLETED"}))
        if not any(record["request"]["path"] == base for record in records):
            image = {"url": "https://v3.fal.media/files/composed.png", "width": 16, "height": 16}
            whole.append(composed(records[0], "GET", base, {"images": [image], "seed": 1}))
        return whole


def application(record: Record) -> str:
    """The model id a record is about; of a status or result only its owner and name are known."""
    path: str = record["request"]["path"]
    return path.partition("/requests/")[0].strip("/")


def composed(like: Record, method: str, path: str, answer: dict[str, Any]) -> Record:
    """A record that was not recorded, of the same flow."""
    return {
        **like,
        "id": f"composed-{method}-{path}",
        "scenario": "composed",
        "request": {"method": method, "path": path, "recorded": False, "body": None},
        "response": {
            "status": 200,
            "headers_kept": {"content-type": "application/json"},
            "body": json.dumps(answer),
        },
    }


def comparable(body: dict[str, Any]) -> dict[str, Any]:
    """A submission without what may differ: one image is fal's default, and is not asked for."""
    return {name: value for name, value in body.items() if (name, value) != ("num_images", 1)}
