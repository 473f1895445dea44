// The canonical hash of a kernel: equal for kernels that compile to the same code.
//
// It sees everything an emitter sees, ordinals included (compiled code carries them), and not `kind`.
#pragma once

#include <uwaga/codegen/kernel/kernel.h>
#include <uwaga/ir/structural_hash.h>

namespace uwaga::kernel {

Hash128 structural_hash(const Kernel& kernel);

}  // namespace uwaga::kernel
