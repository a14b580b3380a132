"""The files of models that plugins ship: of one whose backend is off, the head and the names are read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import tomli

from pipelex_core.config.problems import Faults
from pipelex_core.config.shipped import read_shipped
from pipelex_core.plugins import discover

if TYPE_CHECKING:
    from tests.core.config_project import Project


def test_the_head_of_every_shipped_file_tells_what_is_in_it() -> None:
    """Its names and its `[backend]` are those of a parser."""
    plugins = discover()
    shipped = read_shipped(plugins, Faults())
    for specs in plugins.shipped_specs:
        tables = tomli.loads(specs.file.read_text(encoding="utf-8"))
        (file,) = (each for each in shipped[specs.backend] if each.file == specs.file)
        assert file.names is not None
        assert {*file.names} == tables.keys() - {"backend", "defaults"}
        assert file.defaults == tables["backend"]
        assert file.has_variables == ("${" in str({name: table for name, table in tables.items() if name != "backend"}))


@pytest.mark.parametrize(
    "text",
    [
        '[d-one]\nsdk = "acme"\n[d-two.costs]\ninput = 1\n',
        '[d-one]\nsdk = "acme"\n[d-two]\n[backend]\napi_key = "${NO_KEY}"\n',
        'd-one = { sdk = "acme" }\nd-two = {}\n',
        "[models.d-one]\nsdk = 'acme'\n[models.d-two]\n",
        '[d-one]\nprompting_target = """\n[d-three]\n"""\n[d-two]\n',
        '[d-one]\nrows = [\n["d-three"]\n]\n[d-two]\n',
        '[d-one]\nrows = [[1],\n["d-three"]\n]\n[d-two]\n',
        '\ufeff[d-one]\r\nsdk = "acme"\r\n[d-two]\r\n',
    ],
)
def test_a_file_of_another_form_is_read_whole(project: Project, text: str) -> None:
    """Models of a backend that is off have their names, however the file is written."""
    mark, bare = ("\ufeff", text[1:]) if text.startswith("\ufeff") else ("", text)
    head = "" if "[backend]" in text else 'backend = { api_key = "${NO_KEY}" }\n'
    project.ship("delta", mark + head + bare)
    models = project.load().deck.models
    assert {name for name in models if name.startswith("d-")} == {"d-one", "d-two"}


def test_the_models_of_a_backend_that_is_off_are_not_parsed(project: Project) -> None:
    """A fault in them is reported where the backend is on."""
    text = '[backend]\napi_key = "${DELTA_KEY}"\n[d-one]\nsdk = = "acme"\n'
    project.ship("delta", text)
    assert "d-one" in project.load().deck.models
    assert not [problem for problem in project.check() if problem.code == "bad-toml"]
    loaded = project.load(environ={"ACME_KEY": "acme-key", "DELTA_KEY": "delta-key"})
    assert [problem.code for problem in loaded.warnings].count("bad-toml") == 1
