"""Signalbox: durable functions for Python."""
