#!/bin/sh
# Builds the tree and runs the quick tests with every supported Python that is installed (PATH, pyenv), or with those of
# VERSIONS.
failed=
for version in ${VERSIONS:-3.11 3.12 3.13}; do
    python=
    for candidate in "python$version" "${PYENV_ROOT:-$HOME/.pyenv}"/versions/$version.*/bin/python; do
        "$candidate" -V >/dev/null 2>&1 && python=$candidate
    done
    if [ -z "$python" ]; then
        echo "Python $version: not installed"
        continue
    fi
    folder=build/matrix/$version
    rm -rf "$folder" && mkdir -p "$folder"
    git -c safe.directory='*' ls-files -z --cached --others --exclude-standard |
        tar --null --files-from=- --ignore-failed-read -cf - 2>/dev/null | tar -xf - -C "$folder"
    if make --no-print-directory -C "$folder" test-compiled PYTHON="$python" PYTEST="-q -m 'not slow and not wheel'" \
        >"$folder.log" 2>&1; then
        result=passed
    else
        result=FAILED
        failed="$failed $version"
    fi
    echo "Python $version: $result, $(grep -E '(passed|failed|error)' "$folder.log" | tail -n 1); see $folder.log"
done
[ -z "$failed" ]
