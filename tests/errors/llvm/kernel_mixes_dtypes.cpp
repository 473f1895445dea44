#include "tests/errors/llvm/kernels.h"
#include "tests/errors/mistake.h"

MISTAKE("a kernel that multiplies two dtypes",
        "kernel_mixes_dtypes.cpp:6: the kernel of composite 'product': mul of f32 and f64: operands must have one type") {
  product_with(each_element([](KernelCall& c, const Lanes&) { return c.number("gain") * cast(c.number("gain"), f64); }));
}
