#include "tests/errors/llvm/kernels.h"
#include "tests/errors/mistake.h"

MISTAKE("a kernel that reads a tensor where an axis has no index",
        "kernel_without_an_index.cpp:6: the kernel of composite 'product': a tensor f32[row] is read or written where axis 'row' has no index") {
  product_with([](KernelCall& c) { c.result(0)[At{}] = c.operand(0)[At{}]; });
}
