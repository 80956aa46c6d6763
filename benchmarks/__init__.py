"""How fast the engine is, measured from outside through its public verbs: ``manage.py bench``."""
