"""The actor tree: the only package that imports thespian. No rule of the plant lives here."""
