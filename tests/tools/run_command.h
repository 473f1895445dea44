// The uwaga command, run from a test: what it printed, where, and its exit code.
#pragma once

#include <sys/wait.h>
#include <uwaga/runtime/io/file.h>

#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>

#include "tests/catch.h"

namespace uwaga::test {

struct Ran {
  int code = 0;
  std::string out, err;
  nlohmann::json last() const {
    nlohmann::json json;
    std::istringstream lines(out);
    for (std::string line; std::getline(lines, line);) json = nlohmann::json::parse(line);  // every line is an object
    return json;
  }
};

inline const std::filesystem::path kCommand = std::filesystem::path(UWAGA_BINARY_DIR) / "bin" / "uwaga";

inline Ran uwaga_command(const std::filesystem::path& folder, const std::string& arguments, const std::string& environment = "") {
  const std::string line =
      environment + kCommand.string() + " " + arguments + " >" + (folder / "out").string() + " 2>" + (folder / "err").string();
  const int status = std::system(line.c_str());
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, read_file(folder / "out"), read_file(folder / "err")};
}

// A tiny model on a short text, on the reference.
struct Workplace {
  TemporaryFolder folder;
  std::filesystem::path path = folder.path();
  Workplace() {
    std::string text;
    for (int i = 0; i < 40; ++i) text += "the cat sat on the mat\n";
    write_file(path / "text.txt", text);
  }
  Ran run(const std::string& arguments) const { return uwaga_command(path, arguments); }
  std::string training(const std::string& more) const {
    return "train --layers 1 --heads 2 --width 8 --time 8 --batch 2 --warm-up 1 --device interpreter --data " +
           (path / "text.txt").string() + " " + more;
  }
  Ran train(const std::string& more) const { return run(training(more)); }
};

}  // namespace uwaga::test
