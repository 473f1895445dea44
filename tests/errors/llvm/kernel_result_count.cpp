#include "tests/errors/llvm/kernels.h"
#include "tests/errors/mistake.h"

MISTAKE("a kernel that gives two results for one",
        "kernel_result_count.cpp:6: the kernel of composite 'product': it gives 2 results, and the call has 1") {
  product_with(each_element([](KernelCall&, const Lanes& x) { return std::vector<Ex>{x[0], x[1]}; }));
}
