"""Changing a configuration that people wrote: what is asked for changes, and every other byte stays.

`pipelex_core.toml` knows where each key and value of a TOML text is, `document` puts values there, `dotenv` does the same for
`.env`, `files` shows the difference and writes each file whole. Nothing is written before the changed text has been
read again and says what was meant, and nothing else.
"""
