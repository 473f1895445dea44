#include "tools/interrupt.h"

namespace uwaga {
namespace {

volatile std::sig_atomic_t interrupted = 0;  // a handler can reach nothing else

extern "C" void raise_flag(int) { interrupted = 1; }

bool is_ignored(int signal) {
  struct sigaction now = {};
  sigaction(signal, nullptr, &now);
  return now.sa_handler == SIG_IGN;
}

}  // namespace

InterruptFlag::InterruptFlag(Readers readers) {
  interrupted = 0;
  constexpr int kOnce = static_cast<int>(SA_RESETHAND | SA_RESTART);
  handle(SIGINT, raise_flag, kOnce);
  handle(SIGTERM, raise_flag, kOnce);
  // As often as it comes: a shell and its terminal may both send one.
  if (!is_ignored(SIGHUP)) handle(SIGHUP, raise_flag, SA_RESTART);
  // `train 2>&1 | tee log`: Ctrl-C ends tee first, and the next line would end the run before it is saved.
  if (readers == Readers::outlived) handle(SIGPIPE, SIG_IGN, 0);
}

InterruptFlag::~InterruptFlag() {
  for (const auto& [signal, action] : before_) sigaction(signal, &action, nullptr);
}

void InterruptFlag::handle(int signal, void (*handler)(int), int flags) {
  struct sigaction action = {}, before = {};
  action.sa_handler = handler;
  action.sa_flags = flags;
  sigaction(signal, &action, &before);
  before_.emplace_back(signal, before);
}

bool InterruptFlag::raised() const { return interrupted != 0; }

}  // namespace uwaga
