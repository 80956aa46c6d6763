"""One program a peer, run by the Python of the peers' own virtualenv; all share ``benchmarks.peers.program``."""
