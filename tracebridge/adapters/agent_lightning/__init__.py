"""The trainer's side: datasets for Agent Lightning 1.0, their strict reading, and a hook smoke.

In Agent Lightning 1.0 the gateway's events are the trace. ``export.py`` writes recorded turns as
chat messages, text triplets and rollout events; ``consumer.py`` reads them back as the trainer
would; ``hook_smoke.py`` plays them through the real in-memory store, rollout manager and hooks.

The logs hold text and no token ids, and Agent Lightning 1.0 builds gradient rows from token ids
alone: these triplets are *text* triplets and give its trainer zero rows. They are for trainers
that read text (preference or supervised fine-tuning) and for people.
"""
