"""The version of this program; setup.cfg reads it from here, and nothing else repeats it."""

VERSION = "0.1.0"
