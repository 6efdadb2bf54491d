"""Files -> checked core objects: read with positions, check, build. All that is wrong is found before a start."""
