// The source tree as the build tests see it: files, their lines, and what they include.
#pragma once

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <regex>
#include <string>
#include <vector>

namespace sources {

namespace fs = std::filesystem;

inline const fs::path& root() {
  static const fs::path path = UWAGA_SOURCE_DIR;
  return path;
}

// The .h and .cpp files under `folder` of the source tree, as paths from its root, sorted. None where it does not exist.
inline std::vector<std::string> files(const std::string& folder) {
  std::vector<std::string> found;
  if (!fs::exists(root() / folder)) return found;
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(root() / folder)) {
    const std::string extension = entry.path().extension().string();
    if (entry.is_regular_file() && (extension == ".h" || extension == ".cpp"))
      found.push_back(fs::relative(entry.path(), root()).generic_string());
  }
  std::sort(found.begin(), found.end());
  return found;
}

inline std::vector<std::string> lines(const fs::path& file) {
  std::ifstream in(root() / file);
  std::vector<std::string> all;
  for (std::string line; std::getline(in, line);) all.push_back(line);
  return all;
}

struct Include {
  int line;
  bool quoted;       // "x" and not <x>
  std::string path;  // what stands between the marks
};

inline std::vector<Include> includes(const std::string& file) {
  static const std::regex directive(R"(^\s*#\s*include\s*([<"])([^>"]+)[>"].*)");
  std::vector<Include> found;
  int number = 0;
  for (const std::string& line : lines(file)) {
    ++number;
    std::smatch match;
    if (std::regex_match(line, match, directive)) found.push_back({number, match[1] == "\"", match[2]});
  }
  return found;
}

inline std::string first_folder(const std::string& path) { return path.substr(0, path.find('/')); }

}  // namespace sources
