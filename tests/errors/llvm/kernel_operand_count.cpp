#include "tests/errors/llvm/kernels.h"
#include "tests/errors/mistake.h"

MISTAKE("a kernel that asks for an operand too many",
        "kernel_operand_count.cpp:6: the kernel of composite 'product': operand 2 is asked for, and the call has 2") {
  product_with([](KernelCall& c) { c.operand(2); });
}
