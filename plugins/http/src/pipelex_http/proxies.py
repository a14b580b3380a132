"""The proxies that the environment names: `HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY`, `NO_PROXY`.

Asked once, and passed with each request. aiohttp could look by itself, but then looks before every request, and takes
passwords for the providers out of `~/.netrc` too: beside a key in the header it refuses to send anything, and without one it
would send another than the backend's.
"""

from __future__ import annotations

from base64 import b64encode
from typing import TYPE_CHECKING
from urllib.request import getproxies, proxy_bypass

from attrs import field, frozen
from yarl import URL

if TYPE_CHECKING:
    from collections.abc import Mapping

    import httpx2


@frozen
class Way:
    """The way to an address.

    Attributes:
        proxy: The proxy, or None where the way is direct.
        headers: What is sent to the proxy, and to nobody else: its user and password.
    """

    proxy: URL | None = None
    headers: Mapping[str, str] = field(factory=dict, repr=False)


DIRECT = Way()


class Proxies:
    """Which proxy leads to an address; empty where there is none at all."""

    def __init__(self) -> None:
        self._named = getproxies()
        self._known: dict[tuple[str, str, int | None], Way] = {}

    def __bool__(self) -> bool:
        return bool(self._named)

    def to(self, url: httpx2.URL) -> Way:
        """The way to an address."""
        place = (url.scheme, url.host, url.port)
        way = self._known.get(place)
        if way is None:
            way = self._known[place] = self._found(*place)
        return way

    def _found(self, scheme: str, host: str, port: int | None) -> Way:
        named = self._named.get(scheme) or self._named.get("all")
        if not named or proxy_bypass(host if port is None else f"{host}:{port}"):
            return DIRECT
        proxy = URL(named if "://" in named else f"http://{named}")
        if proxy.user is None:
            return Way(proxy)
        secret = b64encode(f"{proxy.user}:{proxy.password or ''}".encode()).decode()
        return Way(proxy.with_user(None), {"Proxy-Authorization": f"Basic {secret}"})
