"""Why each code is reported, and what to do: the words of the pages in docs/errors/ that no code can make."""

from __future__ import annotations

from attrs import frozen


@frozen
class Words:
    """What a page says in words.

    Attributes:
        why: Where it comes from.
        mend: What to do.
    """

    why: str
    mend: str


WORDS: dict[str, Words] = {
    "alias-cycle": Words(
        "An alias may name another alias. Here following the names leads back to one that was passed already, so that "
        "none of them ever ends at a model.",
        "Break the circle the message prints: let one of its aliases name a model.",
    ),
    "alias-shadowed": Words(
        "A handle is a preset, else a model, else an alias. A model has the name of this alias, and so the alias is never "
        "reached, but as `@name`.",
        "Give the alias another name; or let presets carry the settings it was made for.",
    ),
    "bad-endpoint": Words(
        "`endpoint` replaces the provider's own address. This one is not an http address that paths can be added to, and "
        "every call would fail.",
        "Write the whole address, `https://` included; most end in `/v1`, none in a query.",
    ),
    "bad-encoding": Words(
        "Configuration files are UTF-8, with or without a byte order mark. Editors on Windows and spreadsheets write "
        "other encodings, where letters with accents are other bytes.",
        "Save the file as UTF-8. `iconv -f latin1 -t utf-8` converts one.",
    ),
    "bad-env-line": Words(
        "`.env` has a `NAME=value` on each line, and comments that begin with `#`. A line that is neither is left out; "
        "the other variables are read.",
        "Write the line as `NAME=value`, put quotes around a value with spaces, or remove it.",
    ),
    "bad-toml": Words(
        "The file breaks the syntax of TOML at the caret: a quote or bracket that is not closed, a string "
        "without quotes, a table or key that is there twice. Nothing in the file counts until it is mended; what other "
        "files say of its names is not judged.",
        "Mend the line, or the one before it. Strings stand in quotes; names with dots or slashes do too: "
        '`["gpt-4.1"]`.',
    ),
    "bad-value": Words(
        'The key is right and its value is not: of another type (`"3"` is a string, not a number), out of its range, or '
        "none of the words it may be. Nothing is converted silently.",
        "Write what was expected. The [configuration reference](../configuration.md) has every key with its values.",
    ),
    "bad-variable": Words(
        "Inside a string, `${…}` stands for a variable. This one is not closed, names nothing, has a scheme that is neither "
        "`env:` nor `secret:` nor an installed plugin's, or the reader of its scheme fails.",
        "Write `${NAME}`, `${NAME:-default}`, `${secret:NAME}`, or `$${` for the characters themselves.",
    ),
    "cannot-do": Words(
        "A default, or a key of a pipe, asks for objects or for text, and every model it leads to says in its `outputs` "
        "that it does not give them. The call would be refused.",
        "Choose a model that gives what is asked, or add `structured` or `text` to the `outputs` of the model's spec if "
        "it does.",
    ),
    "check-failed": Words(
        "`validate --online` asked the provider for its list of models, and got something else: an error of the provider "
        "(a warning, it may pass), or an answer that is no such list (an error: something else answers at this address).",
        "Try again later; or check the backend's `endpoint`.",
    ),
    "dry-run-failed": Words(
        "`validate --dry-run` built the request of every preset and default as a call would, and this one cannot be "
        "made: the plugin cannot do it, the model does not take it, or none of its models can be called. A warning where "
        "another model of the chain would answer, or where a key or a plugin is all that is missing.",
        "Choose another model for the preset, or mend what the message says of its model.",
    ),
    "duplicate-chain-member": Words(
        "A chain is tried first to last. A model that is in it twice, by itself or through an alias, would fail a second "
        "time for the same reason: the second is dropped.",
        "Remove it from the chain.",
    ),
    "empty-chain": Words(
        "An alias is an empty list: it leads to no model.",
        "Name at least one model or alias, or remove the alias.",
    ),
    "empty-file": Words(
        "The file is there, and has nothing but space and comments, where content is required.",
        "Write it, or run `pipelex init --force`, which writes what a new project has.",
    ),
    "endpoint-unreachable": Words(
        "`validate --online` could not connect to the backend, or had no answer in time. No server listens there, the "
        "name leads nowhere, or a firewall or proxy is in the way.",
        "Check the backend's `endpoint`, that the server runs, and the network.",
    ),
    "key-refused": Words(
        "`validate --online` reached the provider, and it does not accept the key: it is wrong, expired, or of another "
        "provider or region.",
        "Set the variable to a valid key. The environment wins over `.env`: an old value there hides a new one here.",
    ),
    "missing-file": Words(
        "A file or folder that a configuration needs is not there: the `.pipelex` folder itself, `backends.toml`, "
        "`routing_profiles.toml`, a file of the deck, or the models of a backend that no plugin brings along.",
        "Run `pipelex init`: it writes what is missing, and leaves what is there.",
    ),
    "missing-key": Words(
        "A table lacks a key it cannot do without: the `sdk` of a model, the `model` of a preset, `active`, an option "
        "that the plugin needs.",
        "Write the key that was expected. What all models of a file share is written once, in `[defaults]`.",
    ),
    "missing-variable": Words(
        "A backend that is on needs a variable that has no value: neither in the environment nor in the `.env` file that "
        "the message names. An empty value counts as none. The values of a backend that is off are never looked at.",
        "Set the variable, or switch the backend off with `enabled = false`.",
    ),
    "mixed-chain": Words(
        "A chain is for one kind of call. This one has models for different ones, such as text and images: whichever the "
        "call is, the others can never answer it.",
        "Make two chains.",
    ),
    "mixed-generations": Words(
        "The format has an older and a current generation. Files of both may stand side by side, but one file, or one "
        "preset, must be of one: prices differ by a thousand between them.",
        "Write the whole file in one form; `pipelex migrate` rewrites the older one.",
    ),
    "mixed-models": Words(
        "Vectors of two models cannot be compared, so a chain for embeddings may hold one model, at several backends. This "
        "one has different models: whichever answers, its vectors would be of no use beside those of the others.",
        "Keep one model, and pin it to the backends that have it: `model@backend`. Give each other model a handle of its own.",
    ),
    "model-not-offered": Words(
        "A route that names one model must lead to a backend that has it. (A pattern need not: what it leads astray is "
        "unavailable.)",
        "Name a backend that offers the model, or correct the model's name.",
    ),
    "model-unknown-to-provider": Words(
        "`validate --online` compared the `model_id` of the spec with the provider's own list. It is not in it, by "
        "itself or without its date: calls would fail with 404.",
        "Write the id that the provider lists. Models are also withdrawn: choose its successor then.",
    ),
    "model-deprecated": Words(
        "A provider has announced that it will retire a model, or advises against it. The model still answers; the message has "
        "the day, where one is known, and the model that the provider names instead.",
        "Try the successor, and put it into the alias or preset before that day.",
    ),
    "model-retired": Words(
        "A provider serves a model no more, and refuses calls to it. The day is that of its spec (`retired_on`), which the plugin "
        "ships; a gateway may serve the model on.",
        "Put the successor into the alias or preset; or, where your endpoint still serves the model, write its `retired_on` as a "
        "later day in your own file of models.",
    ),
    "newer-key": Words(
        "Newer releases of the format have this key. It has no meaning here, and is left out.",
        "Nothing has to be done; the message says what to write instead, to have the same.",
    ),
    "no-available-model": Words(
        "Names lead to models, and none of the models can be called: their backends are off or lack them, or no route "
        "leads to them. A call of such a handle fails. All handles that one cause leaves without a model are one finding.",
        "Set a key and switch one of the backends on; or let the handle name another model. `pipelex explain HANDLE` "
        "shows the way it takes.",
    ),
    "no-default": Words(
        "A call named no model, and the deck does not say which one to take then.",
        "Pass `model=…`, or write `for_text` and `for_object` in `[llm.choice_defaults]`, `choice_default` in `[extract]` "
        "or `[img_gen]`.",
    ),
    "not-checkable": Words(
        "`validate --online` asks nothing that could cost. This provider has no list of models, names models in another "
        "way than calls do, or does not show the list to this key.",
        "Nothing has to be done. A first call will tell.",
    ),
    "orphan-file": Words(
        "`backends/NAME.toml` has the models of the backend NAME, and `backends.toml` has no such table: nothing reads it.",
        "Write the table, rename the file, or remove it.",
    ),
    "placeholder-value": Words(
        "A value was copied from an example and never filled in. The provider would refuse the first call.",
        "Write the real value, in `.env` or the environment; or switch the backend off. A server on this machine may "
        "have any key.",
    ),
    "plugin-check": Words(
        "A plugin may add checks of its own to `validate`, for rules of a company, say. One of them found something; or it "
        "raised an error, which the message says.",
        "Do what the message says. A check that fails is its authors' to mend; `PIPELEX_PLUGINS` leaves a plugin out.",
    ),
    "plugin-missing": Words(
        "A model's `sdk` says which plugin serves it, and none that is installed does. Its models stay in the deck, "
        "unavailable.",
        "Install the plugin with the command of the message; or correct the `sdk`.",
    ),
    "plugin-quarantined": Words(
        "A plugin is installed and cannot be used: its import fails, it is made for another release of `pipelex-core`, "
        "it implements a hook that does not exist, or it offers what another plugin offers. The others go on.",
        "Follow the reason in the message: upgrade or uninstall the plugin. `pipelex plugins` shows all of them.",
    ),
    "price-without-unit": Words(
        "Prices of an LLM are per million tokens, of an image generator per image, of an extractor per page. A price of "
        "cached, reasoning or audio tokens has no meaning for the latter two.",
        "Write `input` or `output` in the unit of the model's type; or correct its `model_type`.",
    ),
    "route-shadowed": Words(
        "Of the patterns that fit a model, the first in the file decides. An earlier one fits everything this one fits.",
        "Write the narrower pattern above the wider one.",
    ),
    "route-to-disabled-backend": Words(
        "A route leads models to a backend that is off. They are unavailable, also where another backend offers them: a "
        "route is a decision. Routes that lead nothing anywhere are not reported.",
        "Switch the backend on, change the route, or write it in `optional_routes`, which count only where their backend "
        "is on.",
    ),
    "route-unused": Words(
        "No model's name fits the pattern, or earlier routes decide for all that do.",
        "Correct the pattern, or remove it.",
    ),
    "route-without-model": Words(
        "A pattern leads models to a backend that does not offer them. They are unavailable, though other backends would "
        "answer.",
        "Write exact routes for them, narrow the pattern, or use `default`, which goes on to the next backend.",
    ),
    "sdk-version": Words(
        "A plugin declares which releases of its SDK it was made for. The one that is installed is none of them, or "
        "there is none: somebody installed or removed it afterwards.",
        "Run the command of the message.",
    ),
    "short-key": Words(
        "A configured key is taken out of every message, log and recording. A key of fewer than 8 characters may be part of "
        "any word, and is taken out only where it is a whole word.",
        "Use a longer key. An endpoint that needs none, such as a local server, can go without `api_key`.",
    ),
    "similar-name": Words(
        "`[profiles.NAME.routes]` makes a profile NAME where there is none. Here its name is nearly that of the active "
        "profile, which has no routes: they were most likely meant for it.",
        "Correct the name in the table's header; or give the profile a `description`, if it is one of its own.",
    ),
    "spec-contradiction": Words(
        "Two things a model's spec says cannot both be true: constraints that exclude each other, more output tokens "
        "than its context holds, outputs that its type does not give.",
        "Look up the model in its provider's documentation, and correct the one that is wrong.",
    ),
    "unknown-backend": Words(
        "A route, `default` or `fallback_order` names a backend that neither `backends.toml` nor a plugin has. In a "
        "profile that is not active it is a warning.",
        "Correct the name, or write the backend's table.",
    ),
    "unknown-handle": Words(
        "A preset, alias, default or pipe names something that is not a model, alias or preset. `$name` is a preset only, "
        "`@name` an alias only.",
        "Correct the name; `pipelex show` lists what there is.",
    ),
    "unknown-key": Words(
        "No key of this name means anything there. A misspelt key would otherwise be a setting that silently has no "
        "effect.",
        "Correct it. Options of a plugin are known only where that plugin is installed.",
    ),
    "unknown-profile": Words(
        "`active`, or `--profile`, names a routing profile that the file does not have.",
        "Name one of those there are, or write `[profiles.NAME]`.",
    ),
    "unknown-sdk": Words(
        "`sdk` names a plugin's SDK, and neither an installed plugin nor one of this project's serves it: most often a slip of "
        "one letter.",
        "Correct it. If a plugin of somebody else's serves it, install that plugin.",
    ),
    "unreadable-file": Words(
        "The file is there, and the system does not let it be read: no permission, or a folder of that name.",
        "Change its permissions, or replace it with a file.",
    ),
    "unrouted-model": Words(
        "An enabled backend offers models that no route matches, and the profile has no `default`: nothing can call them.",
        "Write a `default`, or routes for them. If they are not wanted, `enabled = false` in their spec says so.",
    ),
    "unsupported-setting": Words(
        "A preset or alias sets something that its model refuses: a temperature where it takes none, more `max_tokens` "
        "than it gives. Inside a chain such a setting is dropped for that member, and recorded.",
        'Remove the setting, or set `on_unsupported_setting = "drop"` (or `"warn"`) for the preset or the whole deck.',
    ),
    "wrong-capability": Words(
        "A handle is used for text, extraction or images, and every model it leads to is for something else.",
        "Choose a model of the right kind; `pipelex show models` has a column for it.",
    ),
}
