#!/usr/bin/env bash
# Stores as other programs see them: pyarrow, polars and DuckDB read every part of the stores given, else of the
# golden ones. Needs python3 and pip; npm run test:ci runs it.
set -euo pipefail
cd "$(dirname "$0")/.."

packages=$(mktemp -d)
trap 'rm -rf "$packages"' EXIT
python3 -m pip install --quiet --disable-pip-version-check --target "$packages" numpy==2.4.6 pyarrow==26.0.1 polars==2.1.0 duckdb==2.0.0
mapfile -t golden < <(find tests/shared/store/golden -name manifest.json -exec dirname {} \;)
PYTHONPATH="$packages" python3 tests/cache/readers/read_parts.py "${golden[@]}" "$@"
