// What an Inspection holds: the executable that a program would have, and its kernels, without code for them.
#pragma once

#include <uwaga/runtime/compiled/internal/backend.h>
#include <uwaga/runtime/inspect/inspection.h>

namespace uwaga {

struct Inspection::Impl {
  Target target = Target::host();
  Graph written;
  std::unique_ptr<Backend> backend;
  std::shared_ptr<Executable> main;
  std::vector<kernel::Kernel> compiled;  // the program's distinct kernels, in its order
  std::vector<InspectedKernel> kernels;
  std::vector<InspectedBoundary> boundaries;
  std::vector<std::string> refused;
};

// Each executable once: the program and the bodies of its scans and conds, with a prefix for names of its clusters ("", "c7.").
void each_executable(const Executable& main, const std::function<void(const Executable&, const std::string& prefix)>& visit);

// "models/gpt2.cpp" is how /home/me/uwaga/models/gpt2.cpp is called too.
bool names_file(std::string_view asked, std::string_view file);

}  // namespace uwaga
