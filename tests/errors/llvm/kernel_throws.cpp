#include "tests/errors/llvm/kernels.h"
#include "tests/errors/mistake.h"

MISTAKE("a kernel whose writer throws",
        "kernel_throws.cpp:6: the kernel of composite 'product': no such luck") {
  product_with([](KernelCall&) { throw std::runtime_error("no such luck"); });
}
