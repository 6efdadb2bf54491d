"""Shell scripts in the style of a plant, run against real trees."""
