// AMX on processors without it: a signal handler that does what the refused instruction would have done.
//
//   const EmulatedTiles tiles;   // while it lives; one at a time
//   code.function()(...);        // ldtilecfg, tileloadd, tdpbf16ps, ... work
//
// Of the instruction set only what kernels are compiled to, in one thread: the tile registers are the handler's.
#pragma once

#if defined(__x86_64__) && defined(__linux__)

#include <csignal>

namespace uwaga::test {

class EmulatedTiles {
 public:
  EmulatedTiles();
  ~EmulatedTiles();
  EmulatedTiles(const EmulatedTiles&) = delete;
  EmulatedTiles& operator=(const EmulatedTiles&) = delete;

  static long instructions();  // emulated since one was made

 private:
  struct sigaction before_{};
};

}  // namespace uwaga::test

#endif
