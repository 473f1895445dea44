// Where a program runs.
//
//   Target::host()          this machine's CPU, all its cores (UWAGA_CPU switches features off)
//   Target::host(1)         one thread; the results are the same bits on any number
//   Target::cuda(0)         an NVIDIA GPU; its driver and NVRTC are opened when a program is compiled for it, and `compile` says in one
//                           sentence what is missing (SystemError), or that there is no such device (Error)
//   Target::emulated()      the CUDA kernels, their generated source compiled for and run on this machine's CPU: slow, for tests
//   Target::interpreter()   the oracle: each node rounded to its dtype, no code generated
#pragma once

#include <cstdint>
#include <string>

namespace uwaga {

class Target {
 public:
  enum class Kind { host, cuda, emulated, interpreter };

  // `threads` counts the caller; 0 means one for each physical core. Throws Error for a negative count.
  static Target host(int threads = 0);
  // Devices as the driver counts them, from 0. Throws Error for a negative number.
  static Target cuda(int device = 0);
  // The order of blocks and threads is drawn from the seed.
  static Target emulated(std::uint64_t seed = 1);
  static Target interpreter();

  Kind kind() const { return kind_; }
  int threads() const { return threads_; }  // 1 where there is no choice
  int device() const { return device_; }    // of CUDA
  std::uint64_t seed() const { return seed_; }
  std::string str() const;  // "host with 2 threads"

 private:
  Target(Kind kind, int threads, std::uint64_t seed = 0, int device = 0) : kind_(kind), threads_(threads), seed_(seed), device_(device) {}
  Kind kind_;
  int threads_;
  std::uint64_t seed_;
  int device_;
};

}  // namespace uwaga
