"""Winograd's convolutions."""
