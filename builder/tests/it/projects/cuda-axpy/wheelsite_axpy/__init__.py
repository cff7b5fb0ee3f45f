"""y += a * x on a GPU."""

from ._native import devices, driver

__version__ = "1.2.0"
__all__ = ["devices", "driver"]
