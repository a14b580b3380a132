#!/usr/bin/env bash
# The `custom_id` and the text of rows of a batch file (JSON Lines), read into tables by four libraries.
#
# Versions: pyarrow 26.0.1, duckdb 2.0.1, polars 2.1.0, pandas 3.1.1.
# Expected: a JSON string is a string in the table, so that a row's id is found again in the provider's results.
# Seen: pyarrow makes timestamps of a column whose strings are all dates or date-times, ids and prompts alike. duckdb makes dates,
#   timestamps, times and UUIDs of them, so that an id in capitals comes back in lower case. pandas makes numbers of texts of
#   digits ("007" beside "1e5" is 7.0). polars leaves all of them alone.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check 'pyarrow==26.0.1' 'duckdb==2.0.1' 'polars==2.1.0' 'pandas==3.1.1'
"$work/venv/bin/python" -W ignore - "$work" <<'PY'
import datetime
import io
import json
import sys
import uuid
from pathlib import Path

import duckdb
import pandas
import polars
import pyarrow.json

folder = Path(sys.argv[1])
day = datetime.datetime(2026, 12, 1)
text = "6F0C8F4E-9A0F-4F3A-8B8F-0A1B2C3D4E5F"
COLUMNS = {  # values of `custom_id`: what pyarrow, duckdb, pandas and polars make of the first
    ("2026-12-01", "2026-12-02"): (day, day.date(), "2026-12-01", "2026-12-01"),
    ("2026-12-01 10:00:00", "2026-12-01 11:00:00"): (*[day.replace(hour=10)] * 2, *["2026-12-01 10:00:00"] * 2),
    ("10:00:00", "10:00:01"): ("10:00:00", datetime.time(10), "10:00:00", "10:00:00"),
    (text, text.replace("6F", "5F")): (text, uuid.UUID(text), text, text),
    ("007", "1e5"): ("007", "007", 7.0, "007"),
}
for values, expected in COLUMNS.items():
    lines = "\n".join(json.dumps({"custom_id": value}) for value in values)
    file = folder / "rows.jsonl"
    file.write_text(lines)
    seen = (
        pyarrow.json.read_json(io.BytesIO(lines.encode())).to_pylist()[0]["custom_id"],
        duckdb.sql(f"select custom_id from read_json_auto('{file}')").fetchall()[0][0],
        pandas.read_json(io.StringIO(lines), lines=True)["custom_id"].tolist()[0],
        polars.read_ndjson(io.BytesIO(lines.encode()))["custom_id"].to_list()[0],
    )
    print(f"{values[0]!r}: pyarrow {seen[0]!r}, duckdb {seen[1]!r}, pandas {seen[2]!r}, polars {seen[3]!r}")
    assert seen == expected, (values, seen)
PY
