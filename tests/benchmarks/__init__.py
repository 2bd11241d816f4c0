"""Figures, never a verdict: what the hub does per second, beside what the irreducible work costs in the same run."""
