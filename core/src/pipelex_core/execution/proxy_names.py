"""Whether the proxies that the environment names can be used: checked when a client is made, not at its first call."""

from __future__ import annotations

import os

_SCHEMES = ("http", "https")


def check_proxies() -> None:
    """Check `HTTP_PROXY`, `HTTPS_PROXY` and `ALL_PROXY`, in small letters or capitals.

    Raises:
        ConfigError: One of them is not the address of an http or https proxy; its value, which may hold a password, is not
            shown.
    """
    named = {name.lower(): name for name in os.environ if name.lower().endswith("_proxy") and os.environ[name]}
    named |= {name: name for name in named if os.environ.get(name)}  # in small letters it wins, as everywhere
    if not named or os.environ.get(named.get("no_proxy", "")) == "*":
        return
    for scheme in _SCHEMES:
        name = named.get(f"{scheme}_proxy") or named.get("all_proxy")
        if name is not None and (fault := _fault(os.environ[name])):
            from pipelex_core.errors import ConfigError

            raise ConfigError(f"the environment variable {name} {fault}: write it as http://host:port, or unset it")


def _fault(value: str) -> str | None:
    from urllib.parse import urlsplit

    try:
        proxy = urlsplit(value if "://" in value else f"http://{value}")
        host, _ = proxy.hostname, proxy.port
    except ValueError:
        return "is not the address of a proxy"
    if proxy.scheme not in _SCHEMES:
        return f"names a proxy by '{proxy.scheme}', and only http and https proxies are supported"
    return None if host and not any(map(str.isspace, value)) else "names a proxy without a host"
