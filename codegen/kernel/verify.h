// Is this a kernel? Emitters and tests ask before they trust one.
//
//   verify(kernel);  // InternalError: "kernel verifier: ..., in a kernel of kind loop"
//
// Checked: ids in range and operands before their users; the type of every expression and statement; no arithmetic on bf16 and
// f16; boolean masks of the right width; global buffers first and inputs not stored to; variables defined once, on every way
// to where they are read, loops' and lets' never assigned; sizes of grids and buffers of arguments and constants only; barriers
// only where there are threads.
#pragma once

#include <uwaga/codegen/kernel/kernel.h>

namespace uwaga::kernel {

void verify(const Kernel& kernel);

}  // namespace uwaga::kernel
