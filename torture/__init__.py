"""Seeded random programs on real processes that are killed, frozen, cut off and restarted: ``manage.py torture``.

What each program must come to is computed before it starts. Afterwards every run, attempt and event is compared.
"""
