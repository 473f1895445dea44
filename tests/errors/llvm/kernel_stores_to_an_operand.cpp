#include "tests/errors/llvm/kernels.h"
#include "tests/errors/mistake.h"

MISTAKE("a kernel that stores to an operand",
        "kernel_stores_to_an_operand.cpp:6: the kernel of composite 'product': operand 1 is stored to; only results are") {
  product_with([](KernelCall& c) { c.vectors({"row"}, c.task({}), [&](const At& i) { c.operand(1)[i] = c.operand(0)[i]; }); });
}
