"""Stands for a pre-compiled CUDA project; has no compiled code itself."""

__version__ = "@VERSION@"


def cuda_version() -> str:
    """Return the CUDA version that this build would need, such as "12.8"."""
    digits = __version__.partition("+cu")[2]
    return f"{digits[:-1]}.{digits[-1]}"
