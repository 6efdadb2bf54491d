"""The actions of a variable: one file per kind, compiled once into callables over resolved variables."""
