// Runs a kernel one task after the other over plain memory, and judges it: the oracle between schedules and emitters.
//
//   std::vector<std::span<std::byte>> buffers = ...;  // of the kernel's global buffers, in order
//   std::uint64_t error = 0;
//   interpret(kernel, buffers, arguments, &error, {.order = 7});
//
// Slow (a task costs microseconds a statement), and strict. InternalError says what is wrong and where, if a kernel
//   - loads or stores outside a buffer, or divides the grid so that its size is negative;
//   - reads what was never written: scratch, shared memory, and outputs unless `outputs_are_set`;
//   - races: two tasks store to one element, or one reads what another stores; the same for two threads of a task
//     between two barriers;
//   - passes a barrier with some threads only.
// Tasks run in grid order, or shuffled by `order` if that is not 0. The threads of a task run in step, statement by statement,
// in an order that is shuffled too. `fail` sets *error as kernel.h says, if it is 0. Functions that expand_math replaces are
// computed in double and rounded.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include <uwaga/codegen/kernel/kernel.h>

namespace uwaga::kernel {

struct InterpretOptions {
  std::uint64_t order = 0;
  bool outputs_are_set = false;
};

void interpret(const Kernel& kernel, std::span<const std::span<std::byte>> buffers, std::span<const std::uint64_t> arguments,
               std::uint64_t* error, const InterpretOptions& options = {});

}  // namespace uwaga::kernel
