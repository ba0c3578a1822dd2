"""Mostly static files of an emitted project."""
