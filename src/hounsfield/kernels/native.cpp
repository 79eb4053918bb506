// The extension module: functions on arrays. The tests compare each kernel with a numpy reference.
#include <nanobind/nanobind.h>

namespace nb = nanobind;

namespace jpeg {
void bind_lossless(nb::module_ &module);
}  // namespace jpeg

namespace mask {
void bind_thresholds(nb::module_ &module);
void bind_voxels(nb::module_ &module);
void bind_morphology(nb::module_ &module);
void bind_components(nb::module_ &module);
void bind_rays(nb::module_ &module);
void bind_cut(nb::module_ &module);
}  // namespace mask

namespace polygon {
void bind_fill(nb::module_ &module);
}  // namespace polygon

namespace sampling {
void bind_sample(nb::module_ &module);
void bind_oblique(nb::module_ &module);
}  // namespace sampling

namespace labels {
void bind_share(nb::module_ &module);
void bind_share_oblique(nb::module_ &module);
void bind_values(nb::module_ &module);
}  // namespace labels

NB_MODULE(native, module) {
    jpeg::bind_lossless(module);
    mask::bind_thresholds(module);
    mask::bind_voxels(module);
    mask::bind_morphology(module);
    mask::bind_components(module);
    mask::bind_rays(module);
    polygon::bind_fill(module);
    mask::bind_cut(module);
    sampling::bind_sample(module);
    sampling::bind_oblique(module);
    labels::bind_share(module);
    labels::bind_share_oblique(module);
    labels::bind_values(module);
}
