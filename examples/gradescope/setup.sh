#!/bin/sh
# Gradescope runs this once, when it builds the image of the autograder: it installs the examiner from the wheel that
# lies beside this file in the zip (python3 -m pip wheel --no-deps -w . PATH_OF_THE_PROJECT).
set -e
base="${AUTOGRADER:-/autograder}"
apt-get update
apt-get install -y python3 python3-venv
python3 -m venv "$base/venv"
"$base/venv/bin/pip" install "$(ls "$base"/source/bp_lab-*.whl)[check]"
