// Ctrl-C as a flag to be polled, while one of these lives. A second Ctrl-C ends the process at once.
#pragma once

#include <csignal>

namespace uwaga {

class InterruptFlag {
 public:
  InterruptFlag();
  ~InterruptFlag();
  InterruptFlag(const InterruptFlag&) = delete;
  InterruptFlag& operator=(const InterruptFlag&) = delete;
  bool raised() const;

 private:
  struct sigaction int_before_ = {}, term_before_ = {};
};

}  // namespace uwaga
