"""Files to deck: the only place that sees raw tables and `.env`.

`load` reads an `inference/` folder and gives a `LoadedConfig`, or raises one `ConfigError` that holds every fault.
"""

from __future__ import annotations

from pipelex_core.config.load import check, load, read_config
from pipelex_core.config.loaded import DisabledBackend, LoadedConfig, ReadConfig
from pipelex_core.locate import locate

__all__ = ["DisabledBackend", "LoadedConfig", "ReadConfig", "check", "load", "locate", "read_config"]
