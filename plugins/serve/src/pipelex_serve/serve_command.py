"""`pipelex serve`, and `pipelex serve keys`."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any

from cyclopts import Parameter

from pipelex_core.command_line import Context
from pipelex_core.errors import PipelexError


def serve(
    *words: str,
    host: str = "127.0.0.1",
    port: int = 8080,
    workers: int = 1,
    spend: Annotated[str, Parameter(env_var="PIPELEX_SERVE_SPEND")] = "",
    page: Annotated[bool, Parameter(negative="--no-page")] = True,
    watch: Annotated[bool, Parameter(negative="--no-watch")] = True,
    access_log: Annotated[bool, Parameter(negative="--no-access-log")] = True,
    allow_host: list[str] | None = None,
    max_body_mb: int = 64,
    max_concurrent: int = 4000,
    drain_seconds: float = 300.0,
    handles: str | None = None,
    day_budget: Decimal | None = None,
    month_budget: Decimal | None = None,
    rpm: int | None = None,
    tpm: int | None = None,
    admin: bool = False,
    json: bool = False,
    context: Annotated[Context, Parameter(parse=False)],
) -> int:
    """Answer clients of OpenAI's and Anthropic's protocols through the deck's handles.

    `pipelex serve keys add NAME` makes a key, `keys list` shows them and what they spent, `keys revoke NAME` ends one.

    Args:
        words: `keys add NAME`, `keys list` or `keys revoke NAME`; nothing to serve.
        host: The address to listen on; other than on loopback, only with keys.
        port: The port; 0 for a free one.
        workers: Processes that answer.
        spend: Where keys and spend are kept: a file, or an address of PostgreSQL or Redis; `PIPELEX_SERVE_SPEND` names it too.
        page: Show who spent what at `/`.
        watch: Read the deck anew when its files change; SIGHUP does in any case.
        access_log: Write a line of JSON for each request on stdout.
        allow_host: A name that the gateway answers by; on loopback, its names alone. May be given several times.
        max_body_mb: Millions of bytes that a request may have.
        max_concurrent: Requests under way in one worker; more are refused.
        drain_seconds: Seconds that calls have to end after SIGTERM.
        handles: Of a key: the handles that it may call, with commas between; all where it is left out.
        day_budget: Of a key: US$ that its calls of a day may cost.
        month_budget: Of a key: US$ that its calls of a month may cost.
        rpm: Of a key: calls that it may begin in a minute.
        tpm: Of a key: tokens that it may use in a minute.
        admin: Of a key: it may see the page and the metrics.
        json: Print one JSON document.
    """
    from pipelex_serve.settings import Limits, Settings, default_spend

    place = spend or default_spend()
    if words:
        from pipelex_serve.keys.editing import edit_keys

        limits = {
            "handles": handles,
            "day_budget": day_budget,
            "month_budget": month_budget,
            "rpm": rpm,
            "tpm": tpm,
            "is_admin": admin,
        }
        return edit_keys(words, place, limits, context, as_json=json)
    settings = Settings(
        host=host,
        port=port,
        workers=workers,
        spend=place,
        page=page,
        watch=watch,
        access_log=access_log,
        hosts=tuple(allow_host or ()),
        config=context.config,
        env_file=context.env_file,
        profile=context.profile,
        limits=Limits(body_bytes=max_body_mb * 1_000_000, concurrent=max_concurrent, drain_seconds=drain_seconds),
    )
    return _serve(settings, context)


def _serve(settings: Any, context: Context) -> int:
    from pipelex_serve.worker import listen, run, set_up_logging

    if settings.workers < 1:
        msg = f"--workers is at least 1, not {settings.workers}"
        raise PipelexError(msg)
    if not settings.is_local:
        _check_keys(settings)
    set_up_logging()
    listener = listen(settings)
    host, port = listener.getsockname()[:2]
    shown = f"[{host}]" if ":" in host else host

    def tell() -> None:
        context.note(f"Serving at http://{shown}:{port} (OpenAI's protocol at /v1, Anthropic's at /v1/messages)")

    try:
        if settings.workers == 1:
            run(settings, listener, ready=tell)
            return 0
        from pipelex_serve.supervisor import supervise

        return supervise(settings, listener, tell)
    finally:
        listener.close()


def _check_keys(settings: Any) -> None:
    """Refuse to listen where others can reach it, without a key.

    Raises:
        PipelexError: There is none.
    """
    import asyncio

    from pipelex_serve.keys.opening import opened_store

    async def has_keys() -> bool:
        async with opened_store(settings.spend) as store:
            return any(key.revoked is None for key in await store.keys())

    if not asyncio.run(has_keys()):
        msg = (
            f"to listen on {settings.host}, where others can reach it, a gateway needs a key: "
            "run `pipelex serve keys add NAME` first, with the same --spend"
        )
        raise PipelexError(msg)
