"""`python -m pipelex_core`: the same as the command `pipelex`."""

from pipelex_core.cli import main

if __name__ == "__main__":
    main()
