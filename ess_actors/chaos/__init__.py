"""Chaos runs: a site on simulators, one fault after the other, and what the devices and the operators saw of each."""
