// Launches that run at once: what one kernel does to several operands that have nothing to do with one another, as the
// products that make queries, keys and values.
//
// Threads then share out the tasks of all of them, and wait for each other once instead of after each: a launch of few tasks leaves
// some of them idle at its end.
#pragma once

#include <cstddef>
#include <vector>

#include <uwaga/runtime/compiled/internal/executable.h>

namespace uwaga {

// Of the steps in [first, last), moves launches of the kernel that a launch before them has next to it, where nothing between
// minds, and notes in `Launch::together` how many run at once.
void bring_together(std::vector<Step>& steps, std::size_t first, std::size_t last, const std::vector<kernel::Kernel>& kernels);

}  // namespace uwaga
