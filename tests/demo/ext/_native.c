/* Py_LIMITED_API is defined by the build script, so that the version in the
   wheel's tag and the version of the API that is used come from one place. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

static PyObject *
add(PyObject *module, PyObject *args)
{
    PyObject *a, *b;

    (void)module;
    if (!PyArg_UnpackTuple(args, "add", 2, 2, &a, &b)) {
        return NULL;
    }
    return PyNumber_Add(a, b);
}

static PyMethodDef methods[] = {
    {"add", add, METH_VARARGS, "add(a, b)\n--\n\nReturn the sum of two objects."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {
    .m_base = PyModuleDef_HEAD_INIT,
    .m_name = "wheelsite_demo_ext._native",
    .m_doc = "The compiled part of wheelsite-demo-ext.",
    .m_size = 0,
    .m_methods = methods,
};

PyMODINIT_FUNC
PyInit__native(void)
{
    /* Multi-phase initialization lets subinterpreters import this, too. */
    return PyModuleDef_Init(&definition);
}
