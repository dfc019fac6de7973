"""Writes the golden tables: `PYTHONPATH=tests python -m golden_update` from the project's folder (stub)."""
def differences_page(): return ''
