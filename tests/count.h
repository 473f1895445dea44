// Counts for the closing summary of ./run_tests.
//
//   count_for_summary(412, "operator cases against the interpreter");
//
// Adds to the total of that name over all test programs. Does nothing when a test is run by hand (no UWAGA_COUNTS).
#pragma once

#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <string>

inline void count_for_summary(long count, const std::string& what) {
  const char* folder = std::getenv("UWAGA_COUNTS");
  if (!folder) return;
  std::ofstream(std::string(folder) + "/" + std::to_string(getpid()), std::ios::app) << count << ' ' << what << '\n';
}
