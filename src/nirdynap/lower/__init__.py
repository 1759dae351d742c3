"""Lowering: a normalised network becomes integer layers on the cores of one chip."""
