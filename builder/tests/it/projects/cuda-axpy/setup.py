"""An extension of device code, compiled by nvcc for what TORCH_CUDA_ARCH_LIST names."""

import os
import subprocess
import sysconfig

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext


def architectures():
    """As torch's own extension builder reads the variable: `8.0 9.0+PTX`."""
    for name in os.environ["TORCH_CUDA_ARCH_LIST"].replace(";", " ").split():
        number = name.removesuffix("+PTX").replace(".", "")
        yield f"-gencode=arch=compute_{number},code=sm_{number}"
        if name.endswith("+PTX"):
            yield f"-gencode=arch=compute_{number},code=compute_{number}"


class BuildWithNvcc(build_ext):
    def build_extension(self, extension):
        output = self.get_ext_fullpath(extension.name)
        os.makedirs(os.path.dirname(output), exist_ok=True)
        includes = [f"-I{sysconfig.get_path(name)}" for name in ("include", "platinclude")]
        # The driver's library is there at run time, and only where a driver is.
        libraries = ["-cudart=shared", "-L/usr/local/cuda/lib64", "-lcuda"]
        command = ["nvcc", "-shared", "-Xcompiler=-fPIC", *architectures(), *includes]
        command += [*extension.sources, *libraries, "-o", output]
        print(*command, flush=True)
        subprocess.run(command, check=True)


setup(
    packages=["wheelsite_axpy"],
    ext_modules=[Extension("wheelsite_axpy._native", ["wheelsite_axpy/native.cu"])],
    cmdclass={"build_ext": BuildWithNvcc},
)
