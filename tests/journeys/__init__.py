"""Journeys through the shipped documents on the pure core."""
