// The identity of a kernel: what it computes and how, whoever asked for it.
//
// It sees all of a kernel but `kind`: expressions, statements, types, buffers, and ordinals, because compiled kernels carry the
// ordinals of their ops. Kernels that KernelBuilder::finish() gave are numbered canonically, so equal programs hash equally.
// The same value on every machine and in every version of this function.
#pragma once

#include <uwaga/codegen/kernel/kernel.h>
#include <uwaga/ir/structural_hash.h>

namespace uwaga::kernel {

Hash128 hash(const Kernel& kernel);

// Of what a target's code depends on: the same, but of ordinals those alone that failures store. Kernels that differ only in which
// op wrote a statement share their code.
Hash128 code_hash(const Kernel& kernel);

}  // namespace uwaga::kernel
