"""The Django project and the live console of Signalbox."""
