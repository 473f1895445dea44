// What a launch of a kernel needs to know: how many tasks, and how much scratch a worker.
#pragma once

#include <cstdint>
#include <span>

#include <uwaga/codegen/kernel/kernel.h>

namespace uwaga::kernel {

// An integer expression of constants and arguments; InternalError for anything else.
std::int64_t evaluate(const Kernel& kernel, ExprId expression, std::span<const std::uint64_t> arguments);

// The product of the grid's extents.
std::int64_t task_count(const Kernel& kernel, std::span<const std::uint64_t> arguments);

// Bytes of all scratch buffers of a task, each rounded up to 64.
std::int64_t scratch_bytes(const Kernel& kernel, std::span<const std::uint64_t> arguments);

}  // namespace uwaga::kernel
