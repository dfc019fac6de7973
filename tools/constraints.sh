#!/bin/sh
# Writes constraints.txt: every package of every extra, at the newest version that setup.cfg allows.
set -e
folder=build/constraints
"$1" -m venv --clear $folder
$folder/bin/pip install --quiet --upgrade pip
SENTINEL_PURE=1 $folder/bin/pip install --quiet '.[all,dev,fuzz]'
# wants an older pySigma than it works with (Makefile)
$folder/bin/pip install --quiet --no-deps pysigma-backend-elasticsearch
{
    echo "# Every package that an installation with all extras brings, pinned; made by 'make constraints'."
    echo "# Tried on Python 3.11, 3.12 and 3.13 ('make matrix')."
    $folder/bin/pip freeze --all --exclude pip --exclude sentinel-ics
} >$folder/constraints.txt
mv $folder/constraints.txt constraints.txt
