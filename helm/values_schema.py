"""Writes the program's configuration schema into the chart's, so that helm refuses what the program would refuse.

`--check` changes nothing, and fails where the chart's schema is not what would be written.
"""

import argparse
import subprocess
import sys
from pathlib import Path

import orjson

SCHEMA = Path(__file__).parent / "customerio-sidecar" / "values.schema.json"


def main() -> int:
    """Write or check; return the process's exit code."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--check", action="store_true", help="change nothing")
    checking = options.parse_args().check
    command = [sys.executable, "-m", "proxy", "config", "schema"]
    program = orjson.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)
    schema = orjson.loads(SCHEMA.read_bytes())
    # An id of its own, so that the references inside it stay what they are.
    schema["$defs"] = {"config": {"$id": "customerio-sidecar-config"} | program}
    written = orjson.dumps(schema, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
    if not checking:
        SCHEMA.write_bytes(written)
    elif SCHEMA.read_bytes() != written:
        sys.stderr.write(f"{SCHEMA.name} does not hold the program's schema; run `make docs`\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
