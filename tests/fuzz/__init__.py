"""Fuzzers: `python -m fuzz.calls` and `python -m fuzz.files`, from the folder `tests`. `make fuzz` runs both."""
