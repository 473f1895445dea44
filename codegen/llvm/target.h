// The host as the code generator sees it.
//
//   HostTarget target = host_target({.avx2 = true, .avx512 = cpu.avx512, ...});   // from runtime/host/cpu.h
//
// Code may use what `features` names and nothing else, whatever the machine has beyond it: that is how the narrower
// paths are tested on a wide machine. The machine's own name serves for instruction scheduling only
// (`HostTarget::tune`). Cache sizes are left at their defaults for the caller to fill in. InternalError where LLVM
// knows no such target.
#pragma once

#include <string>

#include <uwaga/codegen/schedule.h>

namespace uwaga {

struct HostFeatures {
  bool avx2 = false;    // with FMA and F16C
  bool avx512 = false;  // F, BW, DQ and VL
  bool avx512_bf16 = false;
  bool avx512_fp16 = false;
  bool amx_bf16 = false;
  bool neon = false;
};

HostTarget host_target(const HostFeatures& features);

// All that decides what bytes a kernel compiles to beside the kernel: target, LLVM's version, and the sources of the
// emitter (a hash taken when this library was built). For the key of a cached object.
std::string target_key(const HostTarget& target);

}  // namespace uwaga
