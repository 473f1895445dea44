// Runs kernels one lane at a time, for the tests of schedules: every float is a double, rounded to its dtype after each
// operation, so that functions have the bits of the typed interpreter. Loads and stores out of bounds throw.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <vector>

#include <uwaga/codegen/kernel/kernel.h>

namespace uwaga::test {

// A number of a dtype: `real` of floats, `whole` of the others.
struct Cell {
  double real = 0;
  std::int64_t whole = 0;
};
using Cells = std::vector<Cell>;

struct RunKernel {
  const kernel::Kernel& kernel;
  std::vector<Cells*> buffers;  // global ones
  Cells arguments;
  std::uint64_t error = 0;

  void run();
};

}  // namespace uwaga::test
