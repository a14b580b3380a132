"""The documentation, held to the code: its examples run, its links lead somewhere, its generated parts are up to date."""
