"""What Prometheus asks for. Labels are names of handles, models, backends and keys of the configuration, never what a client wrote."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

    from pipelex_serve.exchange import Exchange

MULTIPROCESS = "PROMETHEUS_MULTIPROC_DIR"
"""Names the folder in which several workers count; it has to be set before prometheus_client is imported."""

CONTENT_TYPE = b"text/plain; version=0.0.4; charset=utf-8"
_SECONDS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0)


class Metrics:
    """The counters of a worker."""

    def __init__(self) -> None:
        from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

        self._registry = CollectorRegistry()
        make: dict[str, Any] = {"namespace": "pipelex_serve", "registry": self._registry}
        self._requests = Counter("requests", "Requests answered.", ("surface", "route", "status"), **make)
        self._calls = Counter("calls", "Calls made.", ("handle", "model", "backend", "outcome"), **make)
        self._seconds = Histogram(
            "call_seconds",
            "Seconds that calls took.",
            ("handle", "backend"),
            buckets=_SECONDS,
            **make,
        )
        self._tokens = Counter("tokens", "Tokens used.", ("model", "backend", "direction"), **make)
        self._cost = Counter("cost_usd", "US$ spent.", ("key", "model", "backend"), **make)
        self._in_flight = Gauge(
            "in_flight",
            "Requests under way.",
            multiprocess_mode="livesum",
            **make,
        )

    def begun(self, in_flight: int) -> None:
        """So many requests are under way."""
        self._in_flight.set(in_flight)

    def ended(self, exchange: Exchange, route: str) -> None:
        """A request has ended."""
        status = str(exchange.status)
        self._requests.labels(exchange.surface.name, route, status).inc()
        notes = exchange.notes
        seconds = notes.get("call_seconds")
        if seconds is None:
            return
        handle, model, backend = notes["handle"], notes.get("model", ""), notes.get("backend", "")
        self._calls.labels(
            handle, model, backend, "error" if "error" in notes else "left" if exchange.is_remaining else "ok"
        ).inc()
        self._seconds.labels(handle, backend).observe(seconds)
        if notes.get("input"):
            self._tokens.labels(model, backend, "input").inc(notes["input"])
        if notes.get("output"):
            self._tokens.labels(model, backend, "output").inc(notes["output"])
        if notes["cost"]:
            self._cost.labels(exchange.key.name if exchange.key else "", model, backend).inc(float(notes["cost"]))

    def text(self) -> bytes:
        """All counters of all workers, in Prometheus' text format."""
        from prometheus_client import generate_latest

        return generate_latest(self._whole())

    def _whole(self) -> CollectorRegistry:
        if MULTIPROCESS not in os.environ:
            return self._registry
        from prometheus_client import CollectorRegistry
        from prometheus_client.multiprocess import MultiProcessCollector

        registry = CollectorRegistry()
        MultiProcessCollector(registry)
        return registry
