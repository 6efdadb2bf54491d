"""Energy storage controllers as a supervised tree of actors."""
