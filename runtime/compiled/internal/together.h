// Launches that run at once: those that have nothing to do with one another, as the products that make queries, keys and values,
// or a weight's gradient and its input's.
//
// Every thread then takes its share of each, and waits for the others once instead of after each: a launch of few tasks leaves some
// of them idle at its end. A step of nanoGPT waits 55 times instead of 108.
#pragma once

#include <cstddef>
#include <vector>

#include <uwaga/runtime/compiled/internal/executable.h>

namespace uwaga {

// Of the steps in [first, last), moves launches next to one before them, where nothing between minds, and notes in
// `Launch::together` how many run at once.
void bring_together(std::vector<Step>& steps, std::size_t first, std::size_t last, const std::vector<kernel::Kernel>& kernels);

}  // namespace uwaga
