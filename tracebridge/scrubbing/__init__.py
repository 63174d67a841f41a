"""Turns a ``TraceEvent`` into a ``ScrubbedEvent``: personal data and secrets become placeholders.

``scrub.py`` is the door; ``rules.py`` says what is looked for and in which order; ``checksums.py``,
``numbering.py`` and ``credentials.py`` tell a find from something that only looks like one.
"""
