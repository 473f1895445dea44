// Ctrl-C as a flag to be polled, while one of these lives. A second Ctrl-C ends the process at once.
//
//   const InterruptFlag interrupt(Readers::outlived);  // a run that is to be saved
//   while (!interrupt.raised() && std::cout) step();
//
// SIGTERM counts as Ctrl-C, and so does SIGHUP, a terminal that was closed, unless it was ignored before (nohup).
#pragma once

#include <csignal>
#include <utility>
#include <vector>

namespace uwaga {

// What becomes of a process that writes into a pipe nobody reads any more: `outlived`, and the write fails as on a full disk;
// else SIGPIPE ends it there and then.
enum class Readers { needed, outlived };

class InterruptFlag {
 public:
  explicit InterruptFlag(Readers readers = Readers::needed);
  ~InterruptFlag();
  InterruptFlag(const InterruptFlag&) = delete;
  InterruptFlag& operator=(const InterruptFlag&) = delete;
  bool raised() const;

 private:
  void handle(int signal, void (*handler)(int), int flags);

  std::vector<std::pair<int, struct sigaction>> before_;
};

}  // namespace uwaga
