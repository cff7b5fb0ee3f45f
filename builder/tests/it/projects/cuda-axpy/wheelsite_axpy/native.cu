#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <cuda_runtime.h>

/* Of the driver itself: without one, only a stub of libcuda.so.1 lets this be imported. */
extern "C" int cuDriverGetVersion(int *version);

__global__ void axpy(float a, const float *x, float *y, int n) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) y[i] = a * x[i] + y[i];
}

extern "C" int run(float a, const float *x, float *y, int n) {
    axpy<<<(n + 255) / 256, 256>>>(a, x, y, n);
    return cudaDeviceSynchronize();
}

static PyObject *devices(PyObject *, PyObject *) {
    int count = 0;
    if (cudaGetDeviceCount(&count) != cudaSuccess) count = 0;
    return PyLong_FromLong(count);
}

static PyObject *driver(PyObject *, PyObject *) {
    int version = 0;
    cuDriverGetVersion(&version);
    return PyLong_FromLong(version);
}

static PyMethodDef methods[] = {
    {"devices", devices, METH_NOARGS, "How many GPUs there are."},
    {"driver", driver, METH_NOARGS, "The CUDA version that the driver has."},
    {nullptr, nullptr, 0, nullptr},
};

static PyModuleDef module = {PyModuleDef_HEAD_INIT, "_native", nullptr, -1, methods};

PyMODINIT_FUNC PyInit__native(void) { return PyModule_Create(&module); }
