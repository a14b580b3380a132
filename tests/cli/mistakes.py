"""Mistakes that people make, a table: one change of a project without findings, and the one finding it must give."""

from __future__ import annotations

from tests.cli.valid_project import Change, Mistake

BACKENDS, ACME, BETA = "backends.toml", "backends/acme.toml", "backends/beta.toml"
ROUTES, DECK, BUNDLE = "routing_profiles.toml", "deck/base.toml", "letters.plx"


def swap(  # noqa: PLR0917 -- a row of a table: its columns have an order
    name: str,
    code: str,
    file: str,
    old: str,
    new: str,
    help: str = "",
    *,
    line: str | int | None = None,
    severity: str = "error",
) -> Mistake:
    """A text replaced in a file; the finding stands in the first line of what replaces it, by default."""
    at = new.strip().splitlines()[0] if line is None else line
    changes = (Change(file, old, new),)
    return Mistake(name=name, changes=changes, code=code, file=file, line=at, help=help, severity=severity)


def more(
    name: str,
    code: str,
    file: str,
    text: str,
    help: str = "",
    *,
    line: str | int | None = None,
    severity: str = "error",
) -> Mistake:
    """A text added at the end of a file."""
    at = text.strip().splitlines()[-1] if line is None else line
    changes = (Change(file, None, text),)
    return Mistake(name=name, changes=changes, code=code, file=file, line=at, help=help, severity=severity)


def whole(name: str, code: str, file: str, content: bytes, help: str = "", *, line: int | None = None) -> Mistake:
    """A file with another content."""
    changes = (Change(file, whole=content),)
    return Mistake(name=name, changes=changes, code=code, file=file, line=line, help=help)


def warn(mistake: Mistake) -> Mistake:
    """The same, as a warning."""
    from attrs import evolve

    return evolve(mistake, severity="warning")


FILES_AND_TOML = [
    whole("a file in UTF-16", "bad-encoding", DECK, "[aliases]\n".encode("utf-16"), "UTF-8", line=1),
    whole("a file in Latin-1", "bad-encoding", DECK, "# caf\xe9\n[aliases]\n".encode("latin-1"), "UTF-8", line=1),
    swap("a quote that is not closed", "bad-toml", DECK, 'best = "m-one"', 'best = "m-one'),
    swap("a table that is not closed", "bad-toml", DECK, "[aliases]", "[aliases"),
    swap("a table twice", "bad-toml", DECK, "[extract.presets]", "[llm.presets]"),
    swap("a key twice", "bad-toml", ACME, "max_tokens = 4096", 'model_id = "again"'),
    swap("a value without quotes", "bad-toml", BACKENDS, 'region = "eu"', "region = eu"),
    swap("a colon for an equals sign", "bad-toml", ROUTES, 'default = "acme"', 'default: "acme"'),
    whole("nested too deeply", "bad-toml", DECK, b"a = " + b"[" * 3000 + b"]" * 3000, ""),
    whole("an empty backends.toml", "empty-file", BACKENDS, b"# nothing\n", "pipelex init"),
    Mistake(
        name="no routing profiles",
        changes=(Change(ROUTES),),
        code="missing-file",
        file=ROUTES,
        help="pipelex init",
    ),
    Mistake(name="no deck", changes=(Change(DECK),), code="missing-file", file="deck", help="pipelex init"),
    warn(swap("a dummy of a key", "short-key", BACKENDS, "${ACME_KEY}", "k", "8 characters")),
    warn(more("a line of .env that is none", "bad-env-line", ".env", "just words here\n", line="just words here")),
]

KEYS_AND_TYPES = [
    swap("a setting misspelt", "unknown-key", DECK, "temperature = 0.5", "temprature = 0.5", "'temperature'"),
    swap("a backend's option misspelt", "unknown-key", BACKENDS, 'region = "eu"', 'regoin = "eu"', "'region'"),
    swap("a backend's key misspelt", "unknown-key", BACKENDS, "display_name", "displayname", "'display_name'"),
    swap("a spec's key misspelt", "unknown-key", ACME, "max_tokens = 4096", "max_token = 4096", "'max_tokens'"),
    swap("a price misspelt", "unknown-key", ACME, "output = 10 }", "ouput = 10 }", "'output'"),
    swap("a profile's key misspelt", "unknown-key", ROUTES, "fallback_order", "fallback_orders", "'fallback_order'"),
    more("a table of the deck misspelt", "unknown-key", DECK, '[alias]\nx = "m-one"\n', "'aliases'", line="[alias]"),
    swap("a table of a capability misspelt", "unknown-key", DECK, "[extract.presets]", "[extract.preset]", "'presets'"),
    more("a model's dots without quotes", "unknown-key", ACME, "[gpt-4.1]\n", '["gpt-4.1"]'),
    more(
        "an alias's dots without quotes",
        "unknown-key",
        DECK,
        '[aliases.v1.5]\nmodel = "m-one"\n',
        "quotes",
        line="v1.5",
    ),
    swap("a default misspelt", "unknown-key", DECK, "for_object", "for_objects", "'for_object'"),
    swap("a number in quotes", "bad-value", ACME, "max_tokens = 4096", 'max_tokens = "4096"', "a whole number"),
    swap("a negative number", "bad-value", ACME, "max_tokens = 4096", "max_tokens = -1", "at least 1"),
    swap("a word for true", "bad-value", BACKENDS, "enabled = false", 'enabled = "no"', "true or false"),
    swap("a string for a list", "bad-value", ACME, '["text", "images"]', '"text"', "a list", line="inputs"),
    swap("an input misspelt", "bad-value", ACME, '["text", "images"]', '["text", "imgs"]', "one of", line="inputs"),
    swap("a model type misspelt", "bad-value", ACME, '"img_gen"', '"img_gem"', "'img_gen'", line="img_gem"),
    swap("a constraint misspelt", "bad-value", ACME, "temperature_must_be_1", "temperature_must_be_one", "'temper"),
    swap("an empty model id", "bad-value", ACME, '"acme-one"', '" "', "what the provider calls", line="model_id"),
    swap("a negative price", "bad-value", ACME, "input = 2.5", "input = -2.5", "0 or more", line="costs"),
    swap("an option of two words, misspelt", "bad-value", BACKENDS, '"eu"', '"uk"', "one of eu, us", line="region"),
    swap("no sdk", "missing-key", ACME, 'sdk = "acme"', "", "sdk", line="[m-one]"),
    warn(more("a key of a newer release", "newer-key", ACME, '[m-new]\nvariant = "x"\n')),
    swap("both generations", "mixed-generations", DECK, 'model = "reader"', 'model = "reader", llm_handle = "reader"'),
]

VARIABLES = [
    swap("a variable that is not set", "missing-variable", BACKENDS, "${ACME_KEY}", "${ACMEE_KEY}", "set ACMEE_KEY"),
    swap("a variable that is empty", "missing-variable", ".env", "sk-acme-0123456789", "", "set ACME_KEY", line=0),
    swap(
        "a variable that is not closed",
        "bad-variable",
        BACKENDS,
        "${ACME_KEY}",
        "${ACME_KEY",
        "",
        line='api_key = "${ACME',
    ),
    swap("a variable in a default", "bad-variable", BACKENDS, "${ACME_KEY}", "${OLD:-${ACME_KEY}}", "${OLD|OTHER}"),
    swap("an unknown prefix", "bad-variable", BACKENDS, "${ACME_KEY}", "${vault:ACME_KEY}"),
    warn(swap("a placeholder in .env", "placeholder-value", ".env", "sk-acme-0123456789", "your-key-here", "ACME_KEY")),
    warn(swap("dots for a key", "placeholder-value", ".env", "sk-acme-0123456789", "sk-proj-...", "real value")),
    warn(swap("angle brackets for a key", "placeholder-value", ".env", "sk-acme-0123456789", "<your key>", "ACME_KEY")),
    warn(swap("changeme", "placeholder-value", ".env", "sk-acme-0123456789", "changeme", "ACME_KEY")),
    warn(
        swap("a placeholder written straight", "placeholder-value", BACKENDS, "${ACME_KEY}", "YOUR_API_KEY", "api_key")
    ),
    warn(
        swap(
            "a placeholder in an address", "placeholder-value", BACKENDS, "acme.test", "your-resource.test", "endpoint"
        )
    ),
]

ENDPOINTS = [
    warn(
        swap("an endpoint without https", "bad-endpoint", BACKENDS, "https://acme.test/v1", "acme.test/v1", "https://")
    ),
    warn(swap("an endpoint with a space", "bad-endpoint", BACKENDS, "https://acme.test/v1", "https://acme.test /v1")),
    warn(swap("an endpoint with a port that is none", "bad-endpoint", BACKENDS, "acme.test/v1", "acme.test:v1/")),
    warn(swap("an endpoint with a query", "bad-endpoint", BACKENDS, "acme.test/v1", "acme.test/v1?key=1")),
]

PLUGINS = [
    swap("an sdk nobody serves", "unknown-sdk", BETA, 'sdk = "acme"', 'sdk = "acmee"', "mean 'acme'"),
    warn(swap("a plugin to install", "plugin-missing", BETA, 'sdk = "acme"', 'sdk = "mistral"', "pip install", line=0)),
]

SPECS = [
    Mistake(
        name="a model that is retired",
        changes=(Change(ACME, "max_tokens = 4096", "retired_on = 2020-01-01\nsuccessor = 'm-two'"),),
        code="model-retired",
        file=DECK,
        line='best = "m-one"',
        help="use m-two",
        severity="warning",
    ),
    Mistake(
        name="a model that will be retired",
        changes=(Change(ACME, "max_tokens = 4096", "retired_on = 2999-01-01"),),
        code="model-deprecated",
        file=DECK,
        line='best = "m-one"',
        severity="warning",
    ),
    warn(
        swap(
            "more output than context",
            "spec-contradiction",
            ACME,
            "max_tokens = 4096",
            "max_tokens = 4096\ncontext_window = 100",
        )
    ),
    warn(
        swap(
            "constraints that exclude each other",
            "spec-contradiction",
            ACME,
            '["temperature_must_be_1"]',
            '["temperature_must_be_1", "no_temperature"]',
            "one of them",
            line="constraints",
        )
    ),
    warn(
        swap(
            "outputs of another type",
            "spec-contradiction",
            ACME,
            '["image"]',
            '["pages"]',
            "text_extractor",
            line='["pages"]',
        )
    ),
    warn(
        swap(
            "a price of tokens for an image",
            "price-without-unit",
            ACME,
            'outputs = ["image"]',
            'outputs = ["image"]\ncosts = { input_cached = 1 }',
            "per image",
            line="costs = { input_cached",
        )
    ),
    warn(more("models of no backend", "orphan-file", "backends/acne.toml", '[m-x]\nsdk = "acme"\n', "'acme'", line=0)),
    Mistake(
        name="a backend without models",
        changes=(Change(BACKENDS, None, "\n[gamma]\n"),),
        code="missing-file",
        file=BACKENDS,
        line="[gamma]",
        help="backends/gamma.toml",
    ),
]

ROUTING = [
    swap("a profile that is not there", "unknown-profile", ROUTES, 'active = "main"', 'active = "mian"', "'main'"),
    swap(
        "a default that is not a backend", "unknown-backend", ROUTES, 'default = "acme"', 'default = "acmee"', "'acme'"
    ),
    swap("a route to no backend", "unknown-backend", ROUTES, '"b-*" = "beta"', '"b-*" = "betta"', "'beta'"),
    swap(
        "a fallback that is not a backend",
        "unknown-backend",
        ROUTES,
        '["beta"]',
        '["betta"]',
        "'beta'",
        line="fallback_order",
    ),
    warn(
        swap(
            "a route to no backend, elsewhere",
            "unknown-backend",
            ROUTES,
            '[profiles.other]\ndefault = "beta"',
            '[profiles.other]\ndefault = "bta"',
            "'beta'",
            line='"bta"',
        )
    ),
    swap(
        "an exact route to a backend without it",
        "model-not-offered",
        ROUTES,
        'strict = "acme"',
        'strict = "beta"',
        "acme",
    ),
    swap("an exact route for no model", "model-not-offered", ROUTES, 'strict = "acme"', 'strictt = "acme"', "'strict'"),
    warn(
        swap(
            "a route to a backend that is off",
            "route-to-disabled-backend",
            ROUTES,
            '"b-*" = "beta"',
            '"b-*" = "off"',
            "enabled = true",
        )
    ),
    warn(
        swap(
            "a route below one that covers it",
            "route-shadowed",
            ROUTES,
            '"b-*" = "beta"',
            '"b-*" = "beta"\n"b-on*" = "beta"',
            "above",
            line='"b-on*"',
        )
    ),
    warn(
        swap(
            "a pattern that fits nothing",
            "route-unused",
            ROUTES,
            '"b-*" = "beta"',
            '"b-*" = "beta"\n"mm-*" = "beta"',
            "'m",
            line='"mm-*"',
        )
    ),
    warn(
        swap(
            "a pattern to a backend that lacks the model",
            "route-without-model",
            ROUTES,
            '"b-*" = "beta"',
            '"b-*" = "acme"',
            "b-only",
        )
    ),
    warn(
        swap(
            "no default",
            "unrouted-model",
            ROUTES,
            'default = "acme"\nfallback_order = ["beta"]\n\n[profiles.main.routes]\nstrict = "acme"\n"b-*" = "beta"\n',
            '[profiles.main.routes]\nstrict = "acme"\n"m*" = "acme"\n"r*" = "acme"\n"p*" = "acme"\n',
            "",
            line="[profiles.main]",
        )
    ),
]

ROUTING_MORE = [
    warn(
        swap(
            "routes under a profile misspelt",
            "similar-name",
            ROUTES,
            "[profiles.main.routes]",
            "[profiles.mainn.routes]",
            "[profiles.main.routes]",
        )
    ),
    Mistake(
        name="one backend off, and several routes to it",
        changes=(
            Change("deck/more.toml", None, 'aliases.x = "m-off"\n'),
            Change(ROUTES, '"b-*" = "beta"', '"b-*" = "off"\n"m-o*" = "off"'),
        ),
        code="route-to-disabled-backend",
        file=ROUTES,
        line='"b-*"',
        help="enabled = true",
        severity="warning",
    ),
]

GENERATIONS = [
    more(
        "one model of the older generation",
        "mixed-generations",
        ACME,
        '[models.m-new]\nsdk = "acme"\n',
        "",
        line="[models.m-new]",
    ),
    Mistake(
        name="the file of a backend's models is gone",
        changes=(
            Change(BETA),
            Change(ROUTES, '"b-*" = "beta"', '"b-*" = "beta"\nb-only = "beta"'),
            Change("deck/more.toml", None, 'aliases.x = "b-only"\n'),
        ),
        code="missing-file",
        file=BACKENDS,
        line="[beta]",
        help="backends/beta.toml",
    ),
    swap("no active profile", "missing-key", ROUTES, 'active = "main"\n', "", 'active = "<profile>"', line=1),
]

DECKS = [
    swap(
        "the key model misspelt in a default",
        "unknown-key",
        DECK,
        'for_text = "quick"',
        'for_text = { modle = "m-one" }',
        "'model'",
    ),
    swap("the key model misspelt", "unknown-key", DECK, "quick = { model", "quick = { modle", "'model'"),
    Mistake(
        name="an alias removed that several name",
        changes=(
            Change(DECK, 'best = "m-one"\n', ""),
            Change("deck/more.toml", None, 'llm.presets.other = { model = "best" }\n'),
            Change(BUNDLE, 'model = { model = "best", temperature = 0.2 }', 'model = "m-one"'),
        ),
        code="unknown-handle",
        file=DECK,
        line="quick = {",
        help="so does preset 'other'",
    ),
    swap(
        "a pipe's key model misspelt",
        "unknown-key",
        BUNDLE,
        '{ model = "best"',
        '{ modl = "best"',
        "'model'",
        line="modl",
    ),
    warn(more("an alias with the name of a model", "alias-shadowed", "deck/more.toml", '[aliases]\nm-one = "m-two"\n')),
    Mistake(
        name="a setting that every model of a chain refuses",
        changes=(
            Change(ACME, None, '[other]\nconstraints = ["no_temperature"]\n'),
            Change(
                "deck/more.toml",
                None,
                'aliases.x = ["strict", "other"]\nllm.presets.p = { model = "x", temperature = 0 }\n',
            ),
        ),
        code="unsupported-setting",
        file="deck/more.toml",
        line="temperature = 0",
        help="remove temperature",
        severity="warning",
    ),
    swap("an alias to nothing", "unknown-handle", DECK, 'best = "m-one"', 'best = "m-onee"', "'m-one'"),
    swap(
        "a chain to nothing",
        "unknown-handle",
        DECK,
        '["m-two", "m-one"]',
        '["m-two", "m-onn"]',
        "'m-one'",
        line="chain",
    ),
    swap("an alias of itself", "alias-cycle", DECK, 'best = "m-one"', 'best = "best"', "", line="best ="),
    more(
        "a circle of aliases",
        "alias-cycle",
        "deck/more.toml",
        '[aliases]\nx = "y"\ny = ["m-one", "x"]\n',
        "",
        line='x = "y"',
    ),
    warn(
        swap(
            "a member twice",
            "duplicate-chain-member",
            DECK,
            '["m-two", "m-one"]',
            '["m-two", "m-two"]',
            "",
            line="chain",
        )
    ),
    warn(
        more(
            "a member twice, through an alias",
            "duplicate-chain-member",
            "deck/more.toml",
            '[aliases]\nx = ["best", "m-one"]\n',
        )
    ),
    swap("an empty chain", "empty-chain", DECK, '["m-two", "m-one"]', "[]", "at least one", line="chain"),
    warn(
        more(
            "a chain of two kinds", "mixed-chain", "deck/more.toml", '[aliases]\nx = ["m-one", "painter"]\n', "one kind"
        )
    ),
    Mistake(
        name="a chain of two embedding models",
        changes=(
            Change(
                "backends/acme.toml", None, '\n[v-one]\nmodel_type = "embedding"\n\n[v-two]\nmodel_type = "embedding"\n'
            ),
            Change("deck/more.toml", None, '[aliases]\nvectors = ["v-one", "v-two"]\n'),
        ),
        code="mixed-models",
        file="deck/more.toml",
        line="vectors =",
        help="one model",
    ),
    swap("a preset to nothing", "unknown-handle", DECK, 'model = "best"', 'model = "bets"', "'best'", line="quick = {"),
    swap(
        "a temperature out of its range",
        "bad-value",
        DECK,
        "temperature = 0.5",
        "temperature = 7",
        "from 0 to 2",
        line="quick = {",
    ),
    swap(
        "a quality that is none",
        "bad-value",
        DECK,
        'quality = "low"',
        'quality = "best"',
        '"low" or "medium"',
        line="paint = {",
    ),
    swap(
        "quality and steps", "bad-value", DECK, 'quality = "low"', 'quality = "low", nb_steps = 4', "", line="paint = {"
    ),
    swap(
        "a negative count", "bad-value", DECK, "max_nb_images = 10", "max_nb_images = -1", "at least 0", line="scan = {"
    ),
    swap(
        "a temperature the model refuses",
        "unsupported-setting",
        DECK,
        'model = "best", temp',
        'model = "strict", temp',
        "remove temperature",
        line="quick = {",
    ),
    swap(
        "more tokens than the model gives",
        "unsupported-setting",
        DECK,
        "temperature = 0.5",
        "max_tokens = 5000",
        "remove max_tokens",
        line="quick = {",
    ),
    swap(
        "a text preset on an image model",
        "wrong-capability",
        DECK,
        'model = "best"',
        'model = "painter"',
        "",
        line="quick = {",
    ),
    Mistake(
        name="a text preset on image models",
        changes=(
            Change(ACME, None, '[brush]\nmodel_type = "img_gen"\n'),
            Change("deck/more.toml", None, '[aliases]\nx = ["painter", "brush"]\n[llm.presets]\np = { model = "x" }\n'),
        ),
        code="wrong-capability",
        file="deck/more.toml",
        line="p = {",
    ),
    swap(
        "a default that is not a handle", "unknown-handle", DECK, 'for_text = "quick"', 'for_text = "quik"', "'quick'"
    ),
    swap(
        "a default preset that is none", "unknown-handle", DECK, 'for_text = "quick"', 'for_text = "$quik"', "'quick'"
    ),
    swap(
        "an extraction default for text",
        "wrong-capability",
        DECK,
        'choice_default = "scan"',
        'choice_default = "m-one"',
    ),
    warn(
        swap("objects of a model that gives none", "cannot-do", ACME, '["text", "structured"]', '["text"]', "", line=0)
    ),
    more(
        "an override to nothing",
        "unknown-handle",
        "deck/overrides.toml",
        '[llm.choice_overrides]\nfor_text = "quikc"\n',
        "'quick'",
    ),
    warn(
        more(
            "an alias of a backend that is off",
            "no-available-model",
            "deck/more.toml",
            '[aliases]\nx = "m-off"\n',
            "set OFF_KEY",
        )
    ),
    more("a policy that is none", "bad-value", "deck/more.toml", 'on_unsupported_setting = "drp"\n', "'drop'"),
]

BUNDLES = [
    swap("a pipe's model misspelt", "unknown-handle", BUNDLE, 'model = "quick"', 'model = "quik"', "'quick'"),
    swap("a pipe's preset misspelt", "unknown-handle", BUNDLE, '"$quick"', '"$quik"', "'quick'", line="quik"),
    swap("an alias asked for that is none", "unknown-handle", BUNDLE, 'model = "quick"', 'model = "@bset"', "'best'"),
    swap(
        "an older key, misspelt handle",
        "unknown-handle",
        BUNDLE,
        'model = "quick"',
        'llm = { llm_handle = "m-onee", temperature = 0 }',
        "'m-one'",
    ),
    swap("an image model for a text pipe", "wrong-capability", BUNDLE, 'model = "quick"', 'model = "painter"'),
    swap("a text model for an extraction", "wrong-capability", BUNDLE, 'model = "scan"', 'ocr = "m-one"'),
    swap(
        "a setting in a pipe, misspelt",
        "unknown-key",
        BUNDLE,
        "temperature = 0.2",
        "temprature = 0.2",
        "'temperature'",
        line="temprature",
    ),
    swap(
        "a setting in a pipe, out of range",
        "bad-value",
        BUNDLE,
        'quality = "low"',
        'quality = "hd"',
        '"low"',
        line="img_gen = {",
    ),
    swap("a bundle that is not TOML", "bad-toml", BUNDLE, "[pipe.read]", "[pipe.read"),
]

MISTAKES: list[Mistake] = [
    *FILES_AND_TOML,
    *KEYS_AND_TYPES,
    *VARIABLES,
    *ENDPOINTS,
    *PLUGINS,
    *SPECS,
    *ROUTING,
    *ROUTING_MORE,
    *GENERATIONS,
    *DECKS,
    *BUNDLES,
]
