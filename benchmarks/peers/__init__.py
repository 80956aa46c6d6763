"""Other systems with the same workloads on the same machine in the same sitting: ``python -m benchmarks.peers``."""
