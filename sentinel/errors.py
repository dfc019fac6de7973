"""The exceptions that a person may cause or meet, and the exit code that each of them ends a command with.

    SentinelError                 1   any of the below; a command that found what it was asked to look for
    ├── UsageError                2   arguments that make no sense together
    ├── InputError                3   nothing could be read: no capture, an empty one or folder, no permission
    ├── CaseError                 4   the case is missing, newer than the program, damaged, locked, or cannot be written
    │   └── NoSuchRow             4   the case has no alert, table or column of that name
    ├── FaultyCapture             5   a capture was read up to a fault; what was readable is kept
    ├── MissingExtra              6   an optional package or program is not installed
    ├── OutputError               7   a result cannot be written where it was asked to go
    ├── RuleError                 8   a rule file cannot be read
    ├── AssessmentError           9   a pack, a list, an answer sheet or a template of the assessment cannot be used
    ├── SinkError                10   a receiver cannot be used as its URI says, or has not got everything
    └── UpdateError              11   a file of rules, or the key that should have signed it, is refused

The message of each is one sentence that names the file (with the offset, where there is one) and says what to do. It
is raised in English, with its values apart, and put into the person's language by whoever shows it:

    raise InputError("{path}: no such file or folder.", path=path)

Traffic never raises any of these: what a capture holds becomes rows with fault codes. `docs/exit-codes.md` is the
page for people.
"""

from __future__ import annotations

import json
from collections.abc import Callable

EXIT_OK = 0
EXIT_INTERNAL = 70
"""An exception that is none of the above: a defect of this program."""
EXIT_INTERRUPTED = 130
"""Ctrl-C; what was read is kept."""
EXIT_PIPE = 141
"""Whoever read the output stopped reading."""


class Sentence:
    """English text with `{names}` in it, and what stands for them; a value may be a Sentence as well."""

    def __init__(self, english: str, **values: object):
        self.english = english
        self.values = values

    def __str__(self) -> str:
        return self.said(str)

    def said(self, translated: Callable[[str], str]) -> str:
        """The text in the language that `translated` gives each sentence in, with its values filled in."""
        values = {k: v.said(translated) if isinstance(v, Sentence) else v for k, v in self.values.items()}
        return translated(self.english).format(**values)

    def kept(self) -> str:
        """The sentence and its values as text, to be said later in the language of whoever asks then (`again`)."""
        return json.dumps([self.english, {name: str(value) for name, value in self.values.items()}], ensure_ascii=False)

    @classmethod
    def again(cls, kept: str) -> Sentence:
        """The sentence that `kept` kept; sentences among its values stay as they were said."""
        english, values = json.loads(kept)
        return cls(english, **values)


class SentinelError(Exception):
    """The root: one sentence for a person, and the exit code of the command."""

    exit_code = 1

    def __init__(self, english: str, **values: object):
        self.sentence = Sentence(english, **values)
        super().__init__(str(self.sentence))


class UsageError(SentinelError):
    """Arguments that make no sense, alone or together."""

    exit_code = 2


class InputError(SentinelError):
    """Nothing could be read from what was given."""

    exit_code = 3


class CaseError(SentinelError):
    """The case cannot be opened, read or written; nothing in it was destroyed."""

    exit_code = 4


class NoSuchRow(CaseError):
    """The case is good, but holds no row, table or column of the name that was asked for."""


class FaultyCapture(SentinelError):
    """A capture was read up to a fault, and what was readable is kept."""

    exit_code = 5


class MissingExtra(SentinelError):
    """An optional package or program that this command needs is not installed; says how to get it."""

    exit_code = 6


class OutputError(SentinelError):
    """A result cannot be written where it was asked to go."""

    exit_code = 7


class RuleError(SentinelError):
    """A rule file cannot be read as a rule."""

    exit_code = 8


class AssessmentError(SentinelError):
    """A pack, a client's list, an answer sheet or a template cannot be used; says which file, where in it, and why."""

    exit_code = 9


class SinkError(SentinelError):
    """A receiver of alerts and data cannot be used as its URI says, or has not got everything that it was to get."""

    exit_code = 10


class UpdateError(SentinelError):
    """A file of rules and knowledge, or the key that it should be signed with, is refused; nothing was changed."""

    exit_code = 11
    problems: tuple[str, ...] = ()
    """What is wrong with the rules, packs or knowledge in it: a sentence each, with file and place."""
