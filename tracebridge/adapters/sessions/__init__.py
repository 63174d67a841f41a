"""Session logs of agents, read into events; one reader per format, chosen by content.

``discover`` finds files, ``registry`` tells their format, a reader (``openclaw``) makes a
``session_log.SessionLog`` of one file, and ``lines`` stands between any reader and hostile input.
``openclaw_state`` reads the one thing that OpenClaw keeps elsewhere: the exact delivery map.
"""
