// The documents name files; the files are there.
#include <set>

#include "tests/build/sources.h"
#include "tests/catch.h"

namespace {

std::vector<std::filesystem::path> documents() {
  std::vector<std::filesystem::path> found;
  if (std::filesystem::exists(sources::root() / "README.md")) found.push_back("README.md");
  if (std::filesystem::exists(sources::root() / "docs")) {
    for (const auto& entry : std::filesystem::recursive_directory_iterator(sources::root() / "docs")) {
      if (entry.path().extension() == ".md") found.push_back(std::filesystem::relative(entry.path(), sources::root()));
    }
  }
  return found;
}

// Calls visit(match's first group, line number) for every match in the document.
template <class Visit>
void each(const std::filesystem::path& document, const std::regex& pattern, Visit visit) {
  int number = 0;
  for (const std::string& line : sources::lines(document)) {
    ++number;
    for (std::sregex_iterator match(line.begin(), line.end(), pattern), end; match != end; ++match)
      visit((*match)[1].str(), number);
  }
}

}  // namespace

TEST_CASE("links in the documents lead to files that exist") {
  const std::regex link(R"(\]\(([^)#:\s]+)(#[^)]*)?\))");  // no colon: an address of the web is not ours to check
  for (const std::filesystem::path& document : documents()) {
    each(document, link, [&](const std::string& target, int line) {
      INFO(document.string() << ":" << line << " links to " << target);
      CHECK(std::filesystem::exists(sources::root() / document.parent_path() / target));
    });
  }
}

TEST_CASE("paths of the source tree named in the documents exist") {
  const std::regex path(R"(`([A-Za-z_.]+/[A-Za-z0-9_./-]*)`)");
  const std::set<std::string> folders = {"ir",    "autodiff", "codegen", "models", "runtime",
                                         "tests", "examples", "tools",   "cmake",  ".ci"};
  for (const std::filesystem::path& document : documents()) {
    each(document, path, [&](const std::string& target, int line) {
      if (folders.count(sources::first_folder(target)) == 0) return;
      INFO(document.string() << ":" << line << " names " << target);
      CHECK(std::filesystem::exists(sources::root() / target));
    });
  }
}
