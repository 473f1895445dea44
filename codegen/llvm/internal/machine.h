// LLVM's TargetMachine for a HostTarget. Not thread-safe: one a thread.
#pragma once

#include <llvm/Target/TargetMachine.h>

#include <memory>

#include <uwaga/codegen/schedule.h>

namespace uwaga {

std::unique_ptr<llvm::TargetMachine> make_machine(const HostTarget& target, int optimisation);

}  // namespace uwaga
