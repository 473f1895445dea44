#include "tests/errors/llvm/kernels.h"
#include "tests/errors/mistake.h"

MISTAKE("a kernel that asks for an option its composite lacks",
        "kernel_option.cpp:6: the kernel of composite 'product': its composite has no option 'beta' that is a number") {
  product_with(each_element([](KernelCall& c, const Lanes& x) { return x[0] * c.number("beta"); }));
}
