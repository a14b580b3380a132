"""A project without a single finding, bundles included, and changes to it: what the mistakes in a table are made of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import frozen

from pipelex_cli.validation import Validation
from tests.core.config_project import KEY, Project

if TYPE_CHECKING:
    from pathlib import Path

    from pipelex_cli.validation import Report

ROUTES = """
    active = "main"

    [profiles.main]
    default = "acme"
    fallback_order = ["beta"]

    [profiles.main.routes]
    strict = "acme"
    "b-*" = "beta"

    [profiles.other]
    default = "beta"
"""

BUNDLE = """\
domain = "letters"

[pipe.write]
type = "PipeLLM"
output = "Text"
model = "quick"
prompt = "Write."

[pipe.answer]
type = "PipeLLM"
output = "Answer"
model = { model = "best", temperature = 0.2 }
model_to_structure = "$quick"

[pipe.read]
type = "PipeExtract"
model = "scan"

[pipe.draw]
type = "PipeImgGen"
img_gen = { img_gen_handle = "painter", quality = "low" }
"""


class ValidProject(Project):
    """The project of the tests of loading, with routes, a `.env` and a bundle."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.write("routing_profiles.toml", ROUTES)
        self.path(".env").write_text(f"# keys\nACME_KEY={KEY}\n")
        self.path("letters.plx").write_text(BUNDLE)
        self.environ = {"HOME": str(root / "home")}

    def path(self, name: str) -> Path:
        """A file of the configuration, or of the project's folder: `.env`, bundles."""
        return self.root / name if name.endswith((".env", ".plx", ".mthds")) else self.folder / name

    def validation(self) -> Validation:
        """Everything checked that needs no network."""
        validation = Validation(self.root, environ=self.environ, plugins=self.plugins)
        validation.check_bundles(self.root)
        return validation

    def report(self) -> Report:
        """What is found."""
        return self.validation().report()


@frozen
class Change:
    """One change of one file.

    Attributes:
        file: Which.
        old: What to replace, which occurs once; None to add `new` at the end.
        new: What stands there then; None for `old` None to delete the file.
        whole: The whole new content, instead of both.
    """

    file: str
    old: str | None = None
    new: str | None = None
    whole: bytes | None = None

    def apply(self, project: ValidProject) -> None:
        """Make it."""
        path = project.path(self.file)
        if self.whole is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(self.whole)
        elif self.new is None:
            path.unlink()
        elif self.old is None:
            path.parent.mkdir(parents=True, exist_ok=True)
            text = path.read_text() if path.exists() else ""
            path.write_text(text + self.new)
        else:
            text = path.read_text()
            assert text.count(self.old) == 1, f"{self.old!r} occurs {text.count(self.old)} times in {self.file}"
            path.write_text(text.replace(self.old, self.new))


@frozen(kw_only=True)
class Mistake:
    """One thing done wrong.

    Attributes:
        name: What it is.
        changes: What makes it.
        code: The code it must have.
        file: The file it must be found in; None for none.
        line: Text of the line it must be found in, or its number; None for a whole file.
        help: What the suggestion or expectation must say.
        severity: Whether it stops a load.
    """

    name: str
    changes: tuple[Change, ...]
    code: str
    file: str | None
    line: str | int | None = None
    help: str = ""
    severity: str = "error"
