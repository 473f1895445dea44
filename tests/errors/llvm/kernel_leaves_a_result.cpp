#include "tests/errors/llvm/kernels.h"
#include "tests/errors/mistake.h"

MISTAKE("a kernel that stores nothing",
        "kernel_leaves_a_result.cpp:6: the kernel of composite 'product': result 0 is stored nowhere") {
  product_with([](KernelCall& c) { c.task({}); });
}
