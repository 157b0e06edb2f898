"""Why a graph cannot be read: what this package has not, and what needs another way of reading."""

from __future__ import annotations

from pellucid.errors import PellucidError


class NotHere(Exception):
    """A node asks for something that there is none of here; the message says what."""


class AcrossSamples(Exception):
    """A node works along the batch, so that samples cannot be taken one by one; the message says what it does."""


class Wrong(Exception):
    """A node contradicts itself or what it takes; the message says how."""


REPORTED = (NotHere, AcrossSamples, Wrong, PellucidError)
