"""Runs typst in a process of its own, which ends with its work.

typst keeps what it computed for as long as its process lives: after two reports of a large plant more than a gigabyte.
This file is module and program: `run` starts it, with the job as JSON on standard input; the pages come back on
standard output, each behind its length.
"""

from __future__ import annotations

import json
import struct
import subprocess
import sys
from collections.abc import Iterator, Mapping
from typing import Any

REFUSED = 3
"""Exit code where typst does not take the document; the reason stands on standard error."""
_LENGTH = struct.Struct(">Q")


class Failed(Exception):
    """typst did not make the pages; says why."""


def run(job: Mapping[str, Any]) -> list[bytes]:
    """The pages (of a PDF one file) that typst makes of a job: `template`, `inputs`, `fonts`, and options of compile.

    Raises Failed with typst's own reason, or where its process was ended.
    """
    # -P: this folder holds html.py, which others would import for the one of the standard library
    done = subprocess.run(
        [sys.executable, "-P", __file__], input=json.dumps(job).encode(), capture_output=True, check=False
    )
    said = done.stderr.decode("utf-8", "replace").strip()
    if done.returncode == REFUSED:
        raise Failed(said)
    if done.returncode != 0:
        raise Failed(f"typst ended with {done.returncode}: {said[-300:]}")
    return list(_unpacked(done.stdout))


def _unpacked(data: bytes) -> Iterator[bytes]:
    at = 0
    while at < len(data):
        (length,) = _LENGTH.unpack_from(data, at)
        at += _LENGTH.size
        yield data[at : at + length]
        at += length


def main() -> int:
    """Do the job on standard input."""
    import typst

    job = json.load(sys.stdin)
    template, inputs, fonts = job.pop("template").encode(), job.pop("inputs"), job.pop("fonts", [])
    try:
        compiler = typst.Compiler(template, font_paths=typst.Fonts(font_paths=fonts))
        made = compiler.compile(sys_inputs=inputs, **job)
    except typst.TypstError as error:
        print(error.message, file=sys.stderr)
        return REFUSED
    for page in [made] if isinstance(made, bytes) else made or []:
        sys.stdout.buffer.write(_LENGTH.pack(len(page)) + page)
    return 0


if __name__ == "__main__":
    sys.exit(main())
