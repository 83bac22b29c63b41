#!/usr/bin/env bash
# Exports as Python runs them: check-exports.sh FOLDER, see tests/export/python. onnxruntime comes through pip; Keras is
# checked with the Python that PERMAFROST_KERAS_PYTHON names. npm run test:slow runs it.
set -euo pipefail
cd "$(dirname "$0")/.."

environment=$(mktemp -d)
trap 'rm -rf "$environment"' EXIT
python3 -m venv "$environment"
"$environment/bin/pip" install --quiet numpy==2.4.6 pillow==13.0.0 onnxruntime==1.31.1
"$environment/bin/python" tests/export/python/check_exports.py "$1"
if [ -n "${PERMAFROST_KERAS_PYTHON:-}" ]; then "$PERMAFROST_KERAS_PYTHON" tests/export/python/check_exports.py "$1"; fi
