// The three kinds of error, kept apart.
//
//   Error          the user's: a wrong program or wrong input. One sentence with the numbers, the user's line in front.
//   SystemError    the machine's: file, device, memory. What, where, and what to do.
//   InternalError  ours: an invariant broke. The text asks for a report.
//
// All derive from std::runtime_error; what() is the whole sentence, lower case, no full stop.
#pragma once

#include <source_location>
#include <stdexcept>
#include <string>

namespace uwaga {

class Error : public std::runtime_error {
  using std::runtime_error::runtime_error;
};

class SystemError : public std::runtime_error {
  using std::runtime_error::runtime_error;
};

class InternalError : public std::runtime_error {
 public:
  explicit InternalError(const std::string& what, std::source_location where = std::source_location::current());
};

// Throws InternalError unless `holds`.
inline void check_internal(bool holds, const char* what, std::source_location where = std::source_location::current()) {
  if (!holds) throw InternalError(what, where);
}

}  // namespace uwaga
