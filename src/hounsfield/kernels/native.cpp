// The extension module: functions on arrays. The tests compare each kernel with a numpy reference.
#include <nanobind/nanobind.h>

namespace nb = nanobind;

namespace mask {
void bind_thresholds(nb::module_ &module);
void bind_voxels(nb::module_ &module);
void bind_morphology(nb::module_ &module);
void bind_components(nb::module_ &module);
void bind_rays(nb::module_ &module);
void bind_cut(nb::module_ &module);
}  // namespace mask

namespace sampling {
void bind_sample(nb::module_ &module);
void bind_oblique(nb::module_ &module);
}  // namespace sampling

NB_MODULE(native, module) {
    mask::bind_thresholds(module);
    mask::bind_voxels(module);
    mask::bind_morphology(module);
    mask::bind_components(module);
    mask::bind_rays(module);
    mask::bind_cut(module);
    sampling::bind_sample(module);
    sampling::bind_oblique(module);
}
