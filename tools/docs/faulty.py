"""The example of a faulty configuration: a deck, and the very report it gives."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from pipelex_cli.validation import Report, Validation
from pipelex_cli.validation.formats import as_text
from pipelex_core.plugins import discover

BACKENDS = '[gateway]\nendpoint = "https://llm.example.org/v1"\n'
MODELS = '[house-model]\nsdk = "openai"\n'
ROUTES = 'active = "all"\n[profiles.all]\ndefault = "gateway"\n'
DECK = """\
# deck/base_deck.toml
[aliases]
smart_llm = ["house-model", "hose-model"]

[llm.presets]
cheap = { model = "smart_llm", temprature = 0.5 }
"""


def faulty_deck() -> str:
    """The deck, as a block."""
    return f"```text\n{DECK}```"


def faulty_report() -> str:
    """What `validate` says of its errors, as a block; their paths begin at the folder."""
    with TemporaryDirectory() as folder:
        root = Path(folder, ".pipelex", "inference")
        for name, text in (
            ("backends.toml", BACKENDS),
            ("backends/gateway.toml", MODELS),
            ("routing_profiles.toml", ROUTES),
            ("deck/base_deck.toml", DECK),
        ):
            file = root / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
        report = Validation(config=root, environ={}, plugins=discover(entry_points=())).report()
        errors = tuple(problem for problem in report.problems if problem.severity == "error")
        return "```text\n" + as_text(Report(problems=errors)).replace(f"{root}/", "").strip() + "\n```"
