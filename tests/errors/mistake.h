// One mistake a user makes, and what it is answered, word for word.
//
//   MISTAKE("a sum over an axis the tensor lacks",
//           "wrong_axis.cpp:7: sum over 'tim': its operand has only {batch, time}") {
//     ...                                    // must throw Error with exactly that text
//   }
//
// One mistake a file; the lines in the messages are those of the file itself. The test that goes over all of them is in
// errors.cpp, which alone includes Catch2.
#pragma once

#include <string>
#include <vector>

#include <uwaga/uwaga.h>

namespace uwaga::test {

struct Mistake {
  std::string what, file, message;
  void (*make)();
};
// All there are, in no order.
std::vector<Mistake>& mistakes();

struct MistakeEntry {
  MistakeEntry(const char* what, const char* file, const char* message, void (*make)()) {
    mistakes().push_back({what, file, message, make});
  }
};

}  // namespace uwaga::test

using namespace uwaga;        // NOLINT: the files of this folder are read as a user's program
using namespace uwaga::test;  // NOLINT

// __COUNTER__ tells mistakes apart, since the build puts many of these files into one unit.
#define UWAGA_MISTAKE(what, message, number)                                                             \
  static void make_mistake_##number();                                                                   \
  static const MistakeEntry kMistake##number(what, __FILE__, message, make_mistake_##number);            \
  static void make_mistake_##number()
#define UWAGA_MISTAKE_NUMBERED(what, message, number) UWAGA_MISTAKE(what, message, number)
#define MISTAKE(what, message) UWAGA_MISTAKE_NUMBERED(what, message, __COUNTER__)
