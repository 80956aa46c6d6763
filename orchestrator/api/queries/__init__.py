"""Reads for lists and pages: a constant number of queries each, answering plain values."""
