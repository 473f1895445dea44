// The house has floors (DESIGN.md, section 3): a floor includes what is below it and nothing else, and the headers that
// users include show them no library of ours.
#include <functional>
#include <map>
#include <set>

#include "tests/build/sources.h"
#include "tests/catch.h"

namespace {

// The one place where the order of the floors stands: what each may include besides itself.
const std::map<std::string, std::set<std::string>> kBelow = {
    {"ir", {}},
    {"autodiff", {"ir"}},
    {"codegen", {"ir"}},
    {"models", {"ir", "autodiff"}},
    {"runtime", {"ir", "autodiff", "codegen"}},
};

// Libraries that users of a public header must not need, by how their include paths begin.
const std::regex kPrivateLibrary(R"((boost|llvm|llvm-c|nlohmann|CLI|cuda|openssl)/.*|cuda.*|nvrtc.*|nvml.*)");

// Folders whose headers are not public (cmake/UwagaFloor.cmake) and, for the last two, not installed.
const std::regex kNotPublic(R"(.*/(internal|detail|llvm|cuda)/.*)");
const std::regex kNotInstalled(R"(.*/(llvm|cuda)/.*)");

std::string at(const std::string& file, const sources::Include& include) {
  return file + ":" + std::to_string(include.line) + " includes " + include.path;
}

// The file of ours that an include names, or nothing.
std::string ours(const sources::Include& include) {
  const std::string prefix = "uwaga/";
  if (include.path.compare(0, prefix.size(), prefix) != 0) return "";
  return include.path.substr(prefix.size());
}

}  // namespace

TEST_CASE("a floor includes only what is below it") {
  for (const auto& [floor, below] : kBelow) {
    for (const std::string& file : sources::files(floor)) {
      for (const sources::Include& include : sources::includes(file)) {
        INFO(at(file, include));
        CHECK_FALSE(include.quoted);  // headers of ours are <uwaga/FLOOR/file.h>
        const std::string target = ours(include);
        if (target.empty()) continue;
        const std::string above = sources::first_folder(target);
        CHECK((above == floor || below.count(above) == 1));
        CHECK(std::filesystem::exists(sources::root() / target));
      }
    }
  }
}

TEST_CASE("the emitters are included by the runtime and themselves only") {
  for (const auto& [floor, below] : kBelow) {
    for (const std::string& file : sources::files(floor)) {
      for (const sources::Include& include : sources::includes(file)) {
        const std::string target = ours(include);
        for (const std::string emitter : {"codegen/llvm/", "codegen/cuda/"}) {
          if (target.compare(0, emitter.size(), emitter) != 0) continue;
          INFO(at(file, include));
          CHECK((floor == "runtime" || file.compare(0, emitter.size(), emitter) == 0));
        }
      }
    }
  }
}

TEST_CASE("only codegen/llvm includes LLVM") {
  const std::regex llvm("llvm(-c)?/.*");
  for (const auto& [floor, below] : kBelow) {
    for (const std::string& file : sources::files(floor)) {
      if (file.compare(0, 13, "codegen/llvm/") == 0) continue;
      for (const sources::Include& include : sources::includes(file)) {
        INFO(at(file, include));
        CHECK_FALSE(std::regex_match(include.path, llvm));
      }
    }
  }
}

TEST_CASE("no source needs a header of the CUDA toolkit") {
  const std::regex toolkit("cuda.*|nvrtc.*|nvml.*|cublas.*");
  for (const auto& [floor, below] : kBelow) {
    for (const std::string& file : sources::files(floor)) {
      for (const sources::Include& include : sources::includes(file)) {
        INFO(at(file, include));
        CHECK_FALSE(std::regex_match(include.path, toolkit));
      }
    }
  }
}

TEST_CASE("a public header reaches no Boost, LLVM, CUDA, JSON, OpenSSL or CLI11 header") {
  std::set<std::string> seen;
  const std::function<void(const std::string&, const std::string&)> follow = [&](const std::string& file,
                                                                                 const std::string& from) {
    if (!seen.insert(file).second) return;
    for (const sources::Include& include : sources::includes(file)) {
      INFO(at(file, include) << ", reached from " << from);
      CHECK_FALSE(std::regex_match(include.path, kPrivateLibrary));
      const std::string target = ours(include);
      CHECK_FALSE(std::regex_match(target, kNotInstalled));
      if (!target.empty()) follow(target, from);
    }
  };
  for (const auto& [floor, below] : kBelow) {
    for (const std::string& file : sources::files(floor)) {
      if (file.ends_with(".h") && !std::regex_match(file, kNotPublic)) follow(file, file);
    }
  }
  CHECK(seen.size() > 1);
}
