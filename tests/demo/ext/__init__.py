"""Adds two numbers in C: the smallest useful compiled wheel."""

from ._native import add

__all__ = ["add"]
__version__ = "@VERSION@"
