"""Changing a configuration that people wrote: what is asked for changes, and every other byte stays.

`syntax` says where each key and value of a TOML text stands, `document` puts values there, `dotenv` does the same for
`.env`, `files` shows the difference and writes each file whole. Nothing is written before the changed text has been
read again and says what was meant, and nothing else.
"""
