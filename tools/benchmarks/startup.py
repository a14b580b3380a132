"""What importing, asking for help, and one question from a cold start cost."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from tools.benchmarks.server import fixed_server
from tools.benchmarks.table import Row, processes

_OURS = "from pipelex_core import Client\nwith Client.from_project({root!r}) as c: c.generate_text('Hi', model='gpt-4o-mini')"
_THEIRS = (
    "import openai\nc = openai.OpenAI(base_url={url!r}, api_key='sk-bench')\n"
    "c.chat.completions.create(model='gpt-4o-mini', messages=[{{'role': 'user', 'content': 'Hi'}}])"
)
_COUNT = "\nimport sys, json; sys.stderr.write(json.dumps(len(sys.modules)))"


def run(*, rounds: int = 9) -> list[Row]:
    """Imports, `pipelex --help`, `show` and `explain`, a cold question."""
    cost = processes(
        {
            "bare": ("-c", "pass"),
            "core": ("-c", "import pipelex_core"),
            "client": ("-c", "from pipelex_core import Client"),
            "deps": ("-c", "import attrs, pluggy, tomli, decimal, json"),
            "cyclopts": ("-c", "import cyclopts, rich.console"),
            "help": ("-m", "pipelex_core", "--help"),
            "completion": ("-m", "pipelex_core", "__complete", "explain", "cheap"),
        },
        rounds=rounds,
    )
    bare = cost["bare"]
    rows = [
        Row(
            "import pipelex_core over bare Python, CPU",
            (cost["core"].cpu - bare.cpu) * 1e3,
            "ms",
            60,
            f"bare {bare.cpu * 1e3:.0f} ms",
        ),
        Row("from pipelex_core import Client over bare Python, CPU", (cost["client"].cpu - bare.cpu) * 1e3, "ms", 60),
        Row("from pipelex_core import Client / its own dependencies, CPU", cost["client"].cpu / cost["deps"].cpu, "x"),
        Row("from pipelex_core import Client over bare Python, memory", (cost["client"].rss - bare.rss) / 1024, "MB"),
        Row("pipelex --help / bare Python with the CLI library", cost["help"].cpu / cost["cyclopts"].cpu, "x", 1.5),
        Row("completion of a handle over bare Python, CPU", (cost["completion"].cpu - bare.cpu) * 1e3, "ms", 100),
    ]
    with fixed_server() as url, tempfile.TemporaryDirectory() as folder:
        root = _project(Path(folder), url)
        ours, theirs = _OURS.format(root=str(root)), _THEIRS.format(url=url)
        cold = processes(
            {
                "ours": ("-c", ours),
                "theirs": ("-c", theirs),
                "show": ("-m", "pipelex_core", "--config", str(root / ".pipelex"), "show", "models"),
                "explain": ("-m", "pipelex_core", "--config", str(root / ".pipelex"), "explain", "gpt-4o-mini"),
                "cyclopts": ("-c", "import cyclopts, rich.console"),
            },
            rounds=rounds,
            env={"OPENAI_API_KEY": "sk-bench"},
        )
        modules = [_modules(program) for program in (ours, theirs)]
    return [
        *rows,
        Row(
            "one question, cold start / SDK script, CPU",
            cold["ours"].cpu / cold["theirs"].cpu,
            "x",
            1.05,
            f"{cold['ours'].cpu * 1e3:.0f} ms beside {cold['theirs'].cpu * 1e3:.0f} ms",
        ),
        Row("one question, modules more than the SDK script", modules[0] - modules[1], "", 150),
        Row("one question, memory more than the SDK script", (cold["ours"].rss - cold["theirs"].rss) / 1024, "MB", 20),
        Row("pipelex show models / SDK script, CPU", cold["show"].cpu / cold["theirs"].cpu, "x"),
        Row("pipelex explain / bare Python with the CLI library", cold["explain"].cpu / cold["cyclopts"].cpu, "x", 2.5),
    ]


def _modules(program: str) -> int:
    done = subprocess.run(
        [sys.executable, "-c", program + _COUNT],
        check=True,
        capture_output=True,
        text=True,
        env={"OPENAI_API_KEY": "sk-bench"},
    )
    return int(json.loads(done.stderr))


def _project(root: Path, url: str) -> Path:
    inference = root / ".pipelex" / "inference"
    for name, text in {
        "backends.toml": f'[openai]\nendpoint = "{url}"\napi_key = "${{OPENAI_API_KEY}}"\n',
        "routing_profiles.toml": 'active = "p"\n[profiles.p]\ndefault = "openai"\n',
        "deck/base_deck.toml": "[aliases]\n",
    }.items():
        file = inference / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return root
