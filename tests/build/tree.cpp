// The shape of the source tree: a root that reads in one sitting, files that hold one concept.
#include <algorithm>
#include <cstdio>
#include <set>

#include "tests/build/sources.h"
#include "tests/catch.h"

namespace {

const std::set<std::string> kRoot = {
    ".ci",      ".clang-format", ".gitignore", "CMakeLists.txt", "CMakePresets.json", "LICENSE", "README.md",
    "autodiff", "cmake",         "codegen",    "docs",           "examples",          "ir",      "models",
    "quickstart", "run_tests",   "runtime",    "tests",          "tools",
};

// What git tracks, or nothing where this is no checkout.
std::vector<std::string> tracked() {
  std::vector<std::string> files;
  const std::string command = "git -C '" + sources::root().string() + "' ls-files 2>/dev/null";
  std::FILE* pipe = popen(command.c_str(), "r");
  if (!pipe) return files;
  std::string text;
  for (int c = std::fgetc(pipe); c != EOF; c = std::fgetc(pipe)) text += static_cast<char>(c);
  pclose(pipe);
  for (std::size_t begin = 0, end; (end = text.find('\n', begin)) != std::string::npos; begin = end + 1)
    files.push_back(text.substr(begin, end - begin));
  return files;
}

}  // namespace

TEST_CASE("the root of the repository holds build files, the floors and little else") {
  const std::vector<std::string> files = tracked();
  if (files.empty()) {
    WARN("skipped: the source folder is no git checkout");
    return;
  }
  for (const std::string& file : files) {
    INFO(file);
    CHECK(kRoot.count(sources::first_folder(file)) == 1);
  }
}

TEST_CASE("a file over 600 lines says why at its top") {
  for (const std::string folder : {"ir", "autodiff", "codegen", "models", "runtime", "examples", "tools", "tests"}) {
    for (const std::string& file : sources::files(folder)) {
      const std::vector<std::string> lines = sources::lines(file);
      if (lines.size() <= 600) continue;
      bool reason = false;
      for (std::size_t i = 0; i < 20; ++i) reason |= lines[i].find("over 600 lines because") != std::string::npos;
      INFO(file << " has " << lines.size() << " lines and no \"over 600 lines because\" among its first 20");
      CHECK(reason);
    }
  }
}

TEST_CASE("every header of the floors is guarded by pragma once") {
  for (const std::string folder : {"ir", "autodiff", "codegen", "models", "runtime"}) {
    for (const std::string& file : sources::files(folder)) {
      if (!file.ends_with(".h")) continue;
      const std::vector<std::string> lines = sources::lines(file);
      INFO(file);
      CHECK(std::find(lines.begin(), lines.end(), "#pragma once") != lines.end());
    }
  }
}
