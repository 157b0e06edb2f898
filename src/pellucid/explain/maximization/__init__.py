"""Inputs that a unit answers to most."""
