// The one extension: ndarray in, ndarray out; no geometry objects, no files. Each kernel has a numpy twin in the tests.
#include <nanobind/nanobind.h>

namespace nb = nanobind;

void bind_sample(nb::module_ &module);
void bind_mask(nb::module_ &module);

NB_MODULE(native, module) {
    bind_sample(module);
    bind_mask(module);
}
