"""`python -m pipelex_middleware_cache FILE`: what a cache holds; with `--clear`, forget it."""

from __future__ import annotations

import argparse
import sys

from pipelex_middleware_cache._cache import Cache


def main() -> int:
    """Run the command; 1 where there is no such file, or it is no cache."""
    parser = argparse.ArgumentParser(prog="python -m pipelex_middleware_cache")
    parser.add_argument("file", help="the file that PIPELEX_CACHE names")
    parser.add_argument("--clear", action="store_true", help="forget every answer")
    arguments = parser.parse_args()
    cache = Cache(arguments.file)
    if not cache.path.is_file():
        sys.stderr.write(f"there is no file '{cache.path}'\n")
        return 1
    if arguments.clear:
        cache.clear()
    contents = cache.contents()
    if cache.is_off:
        return 1  # the reason is in the log, which ends on stderr
    sys.stdout.write(f"{contents.answers} answers, {contents.bytes} bytes\n")
    cache.close()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
