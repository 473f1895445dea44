// Where a program runs.
//
//   Target::host()          this machine's CPU, all its cores (UWAGA_CPU switches features off)
//   Target::host(1)         one thread; the results are the same bits on any number
//   Target::interpreter()   the oracle: each node rounded to its dtype, no code generated
#pragma once

#include <string>

namespace uwaga {

class Target {
 public:
  enum class Kind { host, interpreter };

  // `threads` counts the caller; 0 means one for each physical core. Throws Error for a negative count.
  static Target host(int threads = 0);
  static Target interpreter();

  Kind kind() const { return kind_; }
  int threads() const { return threads_; }
  std::string str() const;  // "host with 2 threads"

 private:
  Target(Kind kind, int threads) : kind_(kind), threads_(threads) {}
  Kind kind_;
  int threads_;
};

}  // namespace uwaga
