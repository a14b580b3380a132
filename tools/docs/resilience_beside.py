"""What else can go wrong, beside the table of servers: what comes of it, and the test that proves it."""

from __future__ import annotations

from pathlib import Path

from tools.docs.docstrings import table

ROOT = Path(__file__).resolve().parents[2]

BESIDE: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    (
        "a stream is left, cancelled or closed from another thread, with any clocks, limits, budgets and middlewares",
        "connection, slot and reservation are free, the ledger is written, nothing foreign is raised",
        (
            "tests/resilience/test_stream_ends.py::test_an_asynchronous_stream_leaves_nothing_behind",
            "tests/resilience/test_stream_ends.py::test_a_synchronous_stream_leaves_nothing_behind",
        ),
    ),
    (
        "an answer, an error, an event, a picture or a document that decodes to very much",
        "decoded bytes are counted as they come; `InvalidAnswerError` names the key of the limit; the loop is free meanwhile",
        (
            "tests/resilience/test_large_answers.py::test_an_answer_above_the_limit_is_an_error_that_names_the_key",
            "tests/resilience/test_large_answers.py::test_the_loop_is_free_while_a_large_answer_is_decoded",
        ),
    ),
    (
        "JSON that is nested deeply, in an answer, an event, an error or a tool's arguments",
        "`InvalidAnswerError`, in the ledger, and the chain moves on; an error stays what its status says; a log goes on without the text",
        (
            "tests/core/test_redaction.py::test_an_answer_too_deep_for_a_plugin_is_invalid_and_the_chain_moves_on",
            "tests/resilience/test_odd_bodies.py::test_an_error_is_what_its_status_says_however_deep_its_body_is",
            "tests/cli/test_chat.py::test_a_call_whose_words_cannot_be_written_is_answered_and_logged_without_them",
        ),
    ),
    (
        "a byte order mark, comments, lines that end with CR, U+2028 in a text",
        "read as the format means them",
        (
            "tests/resilience/test_odd_bodies.py::test_an_answer_that_begins_with_a_byte_order_mark_is_read",
            "tests/resilience/test_odd_bodies.py::test_a_stream_is_read_whatever_ends_its_lines",
            "tests/testing/test_recording.py::test_a_text_may_hold_any_character",
        ),
    ),
    (
        "1,000,000 deltas in one stream",
        "each arrives; memory grows by little more than the text",
        ("tests/resilience/test_long_streams.py::test_very_many_deltas_arrive_one_by_one",),
    ),
    (
        "the server closed an idle connection",
        "another one is used, and nothing is requested twice",
        ("tests/resilience/test_idle_connections.py::test_a_connection_that_was_closed_idle_carries_no_request",),
    ),
    (
        "no further file or connection may be opened",
        "`ProviderConnectionError` that says so; the next call works when there is room",
        (
            "tests/resilience/test_descriptors.py::test_no_descriptor_is_said_to_be_the_reason",
            "tests/plugins/test_bedrock_errors.py::test_exhausted_descriptors_are_a_connection_error",
        ),
    ),
    (
        "URLs of pictures, documents and results that lead inside, also by a redirect, or by a name that leads elsewhere a moment later",
        "the address that is connected to is checked: `UnsupportedInputError` names `allow_private_urls`",
        (
            "tests/http/test_downloads.py::test_an_address_inside_is_refused_before_it_is_connected_to",
            "tests/http/test_downloads.py::test_a_redirect_inside_is_refused_as_the_first_address_would_be",
            "tests/http/test_downloads.py::test_a_name_is_checked_by_the_address_that_is_connected_to",
        ),
    ),
    (
        "a host with addresses of a dead family",
        "reached by the other",
        ("tests/http/test_resources.py::test_a_host_with_a_dead_family_of_addresses_is_reached_by_the_other",),
    ),
    (
        "a proxy that cannot be one",
        "`ConfigError` before any call",
        ("tests/http/test_proxies.py::test_a_proxy_that_cannot_be_one_is_an_error_of_the_configuration",),
    ),
    (
        "pages and pictures out of proportion; a document on which its reader does not end",
        "a limit and a clear error; the process that reads is ended, and others go on",
        (
            "tests/plugins/test_internal.py::test_a_page_or_document_out_of_proportion_is_refused",
            "tests/plugins/test_internal.py::test_a_document_without_an_end_stops_with_its_call_and_holds_up_nobody",
        ),
    ),
    (
        "a full, read-only or limited disk: files of a project, answers, cassettes, rows, a cache, weights",
        "the old file whole or the new one, an error that says the disk; a paid answer is returned",
        (
            "tests/cli/test_cli_files.py::test_a_full_disk_leaves_every_file_as_it_was",
            "tests/testing/test_recording.py::test_a_full_disk_loses_no_answer_and_breaks_no_cassette",
            "tests/batch/test_crash.py::test_a_full_disk_loses_no_answer",
            "tests/plugins/test_cache_process.py::test_no_call_fails_because_of_the_file",
            "tests/plugins/test_llamacpp_fetch.py::test_a_full_disk_is_said_to_be_full",
        ),
    ),
    (
        "SIGINT, SIGTERM and cancellation in any phase of a call",
        "that call ends, and nothing else; 130 and silence on the command line",
        (
            "tests/resilience/test_signals.py::test_a_signal_ends_a_call_and_nothing_else",
            "tests/resilience/test_signals.py::test_a_signal_ends_a_call_of_an_asynchronous_client",
            "tests/cli/test_terminal.py::test_control_c_while_it_starts_ends_in_silence",
        ),
    ),
    (
        "a program that ends with open streams, calls in `atexit`, daemon threads",
        "it ends in time, and in silence",
        (
            "tests/resilience/test_signals.py::test_a_program_ends_in_time_and_in_silence",
            "tests/resilience/test_lasting.py::test_a_program_ends_without_a_word",
        ),
    ),
    (
        "clocks that jump, both ways",
        "only monotonic time decides",
        (
            "tests/core/test_wall_clock.py::test_the_wall_clock_is_read_in_few_places",
            "tests/core/test_wall_clock.py::test_a_call_with_every_clock_is_answered_in_time",
            "tests/core/test_wall_clock.py::test_a_deadline_is_kept",
        ),
    ),
    (
        "Redis stops answering, closes connections, cannot be reached, comes back",
        "calls go on with the limits of their process after one patience; what was closed is replaced unseen",
        (
            "tests/plugins/test_redis.py::test_a_server_that_stops_holds_its_callers_up_once",
            "tests/plugins/test_redis.py::test_connections_that_the_server_closed_are_replaced_unseen",
            "tests/plugins/test_redis.py::test_it_comes_back",
        ),
    ),
    (
        "1,000 requests wait at one limit",
        "they pass in their order: none is overtaken, but by requests for another model where its own limit holds it back",
        (
            "tests/limits/test_limits_fairness.py::test_a_thousand_requests_of_every_size_pass_in_their_order",
            "tests/limits/test_limits_fairness.py::test_a_models_own_cap_delays_that_model_alone",
        ),
    ),
    (
        "TOML and variables that are very deep, long, or name each other",
        "one fault with its place",
        (
            "tests/core/test_toml.py::test_what_is_nested_too_deeply_is_one_fault_with_its_place",
            "tests/core/test_config_environment.py::test_variables_that_name_each_other_are_bounded",
        ),
    ),
    (
        "a plugin that breaks, is lost, or was changed after it was locked; odd metadata",
        "only its models are unavailable, with the reason; nothing of it is imported; its words do not steer a terminal",
        (
            "tests/cli/test_lost_plugins.py::test_the_rest_of_a_project_goes_on",
            "tests/packaging/test_plugin_lock.py::test_a_changed_plugin_is_not_even_imported",
            "tests/packaging/test_plugin_lock.py::test_what_lies_beside_a_plugin_is_not_imported",
            "tests/cli/test_terminal.py::test_nothing_steers_a_terminal",
        ),
    ),
    (
        "a key that a server, a file or a tool repeats; a key of a few characters",
        "`***` in errors, logs, spans, cassettes and files",
        (
            "tests/conformance/test_keys.py::test_no_key_in_an_error_a_log_or_a_repr",
            "tests/plugins/test_opentelemetry_content.py::test_no_key_is_in_any_span",
            "tests/testing/test_recording.py::test_a_key_that_is_echoed_is_in_no_cassette",
            "tests/core/test_redaction.py::test_a_short_key_is_hidden_where_it_is_a_whole_word",
        ),
    ),
    (
        "20,000 calls and 5,000 streams that are left, at each backend",
        "memory, descriptors, threads and tasks are flat, see [Measured](measured.md)",
        ("tests/resilience/test_soak.py::test_a_backend_holds_no_more_after_twenty_thousand_calls",),
    ),
)


def written() -> str:
    """The section of the page."""
    return f"""
## Beside servers

What may go wrong elsewhere, what comes of it, and the tests that prove it.

{table(("what goes wrong", "what comes of it", "proved by"), ((what, end, _links(tests)) for what, end, tests in BESIDE))}

Not tested, and not promised: a free-threaded Python (3.14t); and a name that a *proxy* resolves to another address than this
machine does, because the proxy alone knows where it connects to.
"""


def _links(tests: tuple[str, ...]) -> str:
    """Each file once, in the order of its first test."""
    files = dict.fromkeys(test.partition("::")[0] for test in tests)
    return ", ".join(f"[{Path(file).stem.removeprefix('test_').replace('_', ' ')}](../{file})" for file in files)
