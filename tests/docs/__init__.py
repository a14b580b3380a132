"""The documentation, held to the code: its tables are made here, its examples run, its links followed."""
