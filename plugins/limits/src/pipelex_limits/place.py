"""The place where limits are shared: the plugin that serves its address."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipelex_core.errors import PluginError
from pipelex_core.first_party import LIMITS
from pipelex_core.shared_limits import SharedLimits

if TYPE_CHECKING:
    from pipelex_core.plugins import Plugins
    from pipelex_core.specs import Secret


def place_at(plugins: Plugins, url: Secret) -> SharedLimits:
    """What shares limits at an address; the first plugin that knows it is used.

    Raises:
        PluginError: No plugin does, or one broke its contract; the address is not in it.
    """
    for implementation in plugins.in_order("pipelex_limiter"):
        who = f"plugin {implementation.plugin_name}: pipelex_limiter"
        try:
            found = implementation.function(url)
        except Exception as error:  # noqa: BLE001 -- whatever a plugin raises
            raise PluginError(f"{who} raised {type(error).__name__}") from None  # its text could hold the address
        if found is not None and not isinstance(found, SharedLimits):
            raise PluginError(f"{who} returned a {type(found).__name__}, not a SharedLimits")
        if found is not None:
            return found
    scheme = url.reveal().partition(":")[0]
    distribution = LIMITS.get(scheme)
    msg = "no installed plugin shares limits at such an address"
    if distribution:
        msg = f"no installed plugin shares limits at a '{scheme}:' address; run: pip install {distribution}"
    raise PluginError(msg)
