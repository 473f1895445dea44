// The functions that both targets compute as polynomials: the same bits on emulated CUDA as from the kernel interpreter.
#include "tests/codegen/functions.h"

#include <uwaga/runtime/cuda/emulate.h>

#include "tests/catch.h"
#include "tests/codegen/kernel_run.h"

#include <algorithm>

namespace uwaga::test {
namespace {

template <typename T>
bool same_bits(T a, T b) {
  return (a != a && b != b) || std::memcmp(&a, &b, sizeof a) == 0;
}

template <typename T>
void check_function(const EmulatedCuda& code, std::size_t number, Op op) {
  INFO(name(op) << ", " << sizeof(T) << " bytes");
  std::vector<T> x = samples<T>(3, 29), z = samples<T>(3, 31);
  std::reverse(z.begin(), z.end());
  const std::vector<T> want = kernel::run_elementwise<T>(op, x, z);
  std::vector<T> y(x.size());
  std::vector<void*> buffers{x.data()};
  if (is_binary(op)) buffers.push_back(z.data());
  buffers.push_back(y.data());
  const std::uint64_t n = x.size();
  std::uint64_t error = 0;
  code.run(number, buffers, {&n, 1}, &error);
  int wrong = 0;
  for (std::size_t i = 0; i < x.size() && wrong < 3; ++i)
    if (!same_bits(y[i], want[i])) {
      ++wrong;
      UNSCOPED_INFO("of " << x[i] << ": " << y[i] << " instead of " << want[i]);
    }
  CHECK(wrong == 0);
}

}  // namespace

TEST_CASE("functions on emulated CUDA give the kernel interpreter's bits over every exponent") {
  std::vector<Op> ops{Op::pow};
  for (const FunctionBound& f : kFunctionBounds) ops.push_back(f.op);
  std::vector<kernel::Kernel> kernels;
  for (Op op : ops)
    for (DType d : {DType::f32, DType::f64}) kernels.push_back(kernel::elementwise_kernel(op, d));
  std::vector<kernel::NamedKernel> named;
  for (std::size_t i = 0; i < kernels.size(); ++i) named.push_back({&kernels[i], "k" + std::to_string(i)});
  const EmulatedCuda code(named);
  for (std::size_t i = 0; i < ops.size(); ++i) {
    check_function<float>(code, 2 * i, ops[i]);
    check_function<double>(code, 2 * i + 1, ops[i]);
  }
}

}  // namespace uwaga::test
