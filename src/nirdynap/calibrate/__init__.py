"""Integers chosen by what neurons do on recordings: rule "calibrated" (docs/calibrate.md)."""
