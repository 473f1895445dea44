#include "tests/errors/llvm/kernels.h"
#include "tests/errors/mistake.h"

MISTAKE("a kernel that loops over an axis that no tensor has",
        "kernel_unknown_axis.cpp:6: the kernel of composite 'product': no operand and no result has {time}") {
  product_with([](KernelCall& c) { c.task({"time"}); });
}
