// Routines: what kernels have in common, compiled once (StmtKind::routine).
//
//   b.routine({start, count}, [&](const std::vector<Ex>& p) { ... });  // in a schedule; p[0] is start inside
//   Routine r = extract(kernel, statement);                            // the function and what it is called with
//
// To everything but the emitter for the host a routine is a block of its kernel: it is printed, verified and interpreted where it
// stands. Two kernels share a function where their routines are the same but for the names of buffers and variables.
#pragma once

#include <string>
#include <vector>

#include <uwaga/codegen/kernel/kernel.h>

namespace uwaga::kernel {

struct Routine {
  Kernel kernel;                  // `routine` is set; parameters are its arguments, and all buffers global
  std::vector<BufferId> buffers;  // of the caller, by buffer of the routine
};

Routine extract(const Kernel& kernel, const Stmt& routine);

// The symbol of a routine's function: by what it computes.
std::string symbol(const Routine& routine);

// The routines in a kernel's body, each function once, in order.
std::vector<Routine> different_routines(const Kernel& kernel);

}  // namespace uwaga::kernel
