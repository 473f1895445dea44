// A compiled kernel in memory, ready to be called.
//
//   HostCode code(compiled.object);
//   code.function()(&arguments, begin, end);
//
// Memory is never writable and executable at once. Objects come from this process or from a cache that has checked
// them; one that is no object for this machine, or asks for a symbol other than its routines and the few functions of libm that
// targets without FMA or rounding instructions need, is an InternalError. The function lives as long as the HostCode.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>

#include <uwaga/codegen/kernel/kernel.h>

namespace uwaga {

class HostCode {
 public:
  // `routines`: where those are that the kernel calls, by symbol; they must live as long. With `debugger`, gdb is told of the code
  // and its lines (its JIT interface), until the HostCode goes.
  explicit HostCode(std::span<const std::byte> object, const std::map<std::string, std::uintptr_t>& routines = {}, bool debugger = false);
  ~HostCode();
  HostCode(HostCode&&) noexcept;
  HostCode& operator=(HostCode&&) noexcept;

  kernel::HostFunction function() const { return reinterpret_cast<kernel::HostFunction>(address_); }
  std::uintptr_t address() const { return address_; }
  std::size_t code_bytes() const { return code_bytes_; }

  // The line that tells perf of this function, for the file perf-PID.map: "address size name", hexadecimal.
  std::string perf_line(const std::string& name) const;

 private:
  class Memory;
  std::unique_ptr<Memory> memory_;
  std::uintptr_t address_ = 0;
  std::size_t code_bytes_ = 0;
};

}  // namespace uwaga
