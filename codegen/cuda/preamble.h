// The text in front of every generated CUDA source: types, conversions, and the device layer.
//
// The device layer is all that a kernel takes from the machine it runs on: block and thread index, barrier, shared and
// local memory, the error word, fma, square root and casts between bits. Each has two bodies, one for the GPU and one in
// plain C++, so the source that NVRTC compiles is also the source that the host's compiler does for tests
// (runtime/cuda/emulate.h). Nothing is included in either.
#pragma once

#include <string_view>

namespace uwaga::kernel {

std::string_view cuda_preamble();

}  // namespace uwaga::kernel
