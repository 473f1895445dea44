#include "tools/interrupt.h"

namespace uwaga {
namespace {

volatile std::sig_atomic_t interrupted = 0;  // a handler can reach nothing else

extern "C" void raise_flag(int) { interrupted = 1; }

}  // namespace

InterruptFlag::InterruptFlag() {
  interrupted = 0;
  struct sigaction action = {};
  action.sa_handler = raise_flag;
  action.sa_flags = static_cast<int>(SA_RESETHAND | SA_RESTART);
  sigaction(SIGINT, &action, &int_before_);
  sigaction(SIGTERM, &action, &term_before_);
}

InterruptFlag::~InterruptFlag() {
  sigaction(SIGINT, &int_before_, nullptr);
  sigaction(SIGTERM, &term_before_, nullptr);
}

bool InterruptFlag::raised() const { return interrupted != 0; }

}  // namespace uwaga
