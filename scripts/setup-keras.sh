#!/usr/bin/env bash
# A Python with Keras, onnxruntime and what else reads permafrost's files, in node_modules/.keras; prints its path:
#
#     PERMAFROST_KERAS_PYTHON=$(scripts/setup-keras.sh) npm run test:slow
#
# Needs python3 with venv (Debian: python3-venv) and pip's index; what goes wrong is said on stderr.
set -euo pipefail
cd "$(dirname "$0")/.."

environment=$PWD/node_modules/.keras
python3 -m venv --clear "$environment" >&2
"$environment/bin/pip" install --quiet --disable-pip-version-check \
  keras==3.15.1 tensorflow-cpu==2.21.0 onnxruntime==1.31.1 numpy==2.4.6 pillow==13.0.0 >&2
"$environment/bin/python" -c 'import keras, onnxruntime' 2> /dev/null || { echo 'Keras was installed but does not start' >&2; exit 1; }
echo "$environment/bin/python"
