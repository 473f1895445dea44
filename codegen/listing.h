// Listings: generated code as lines, each with the op it came from.
//
//   for (const ListingLine& line : kernel_listing(kernel)) line.text, line.ordinal;
//   without_origin(kernel_listing(kernel)) == 0
//
// An ordinal is the position of an op in its cluster; whoever launches the kernel knows the model line behind it. LLVM IR and
// assembly are listed by HostCompiler (codegen/llvm/compile.h).
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <uwaga/codegen/kernel/kernel.h>

namespace uwaga {

// One line of a listing, and the op it came from.
struct ListingLine {
  std::string text;
  int ordinal = -1;          // -1: no instruction, or one without origin
  bool instruction = false;  // a statement, a line of CUDA, an instruction; not a label, a header, a declaration of memory
};

// The kernel's text form (kernel/print.h), the ordinals taken off the lines.
std::vector<ListingLine> kernel_listing(const kernel::Kernel& kernel);
// A function that the CUDA emitter printed (cuda/emit.h), its `// #3` taken off.
std::vector<ListingLine> cuda_listing(std::string_view function);

// Instructions of a listing that have no origin. Every one has.
int without_origin(std::span<const ListingLine> listing);

}  // namespace uwaga
