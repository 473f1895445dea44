// Documents do not drift from the code: snippets are cut from examples that are built, switches are those the code
// reads.
#include <set>
#include <sstream>

#include "tests/build/sources.h"
#include "tests/catch.h"

namespace {

std::string text_of(const std::filesystem::path& file) {
  std::ostringstream text;
  text << std::ifstream(sources::root() / file).rdbuf();
  return text.str();
}

// Names in `code` of the first column of a document's tables: "| `NAME=...` | ...".
std::set<std::string> first_column(const std::filesystem::path& document, const std::regex& name) {
  std::set<std::string> names;
  for (const std::string& line : sources::lines(document)) {
    std::smatch match;
    if (line.starts_with("| `") && std::regex_search(line, match, name)) names.insert(match[1]);
  }
  return names;
}

}  // namespace

TEST_CASE("C++ in the README is cut from an example") {
  const std::vector<std::string> lines = sources::lines("README.md");
  const std::regex origin("<!-- cut from (examples/.*\\.cpp) -->");
  int snippets = 0;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (lines[i] != "```cpp") continue;
    ++snippets;
    INFO("README.md:" << i + 1);
    std::smatch match;
    REQUIRE((i > 0 && std::regex_match(lines[i - 1], match, origin)));
    std::string snippet;
    for (std::size_t j = i + 1; j < lines.size() && lines[j] != "```"; ++j) snippet += lines[j] + "\n";
    INFO(match[1].str() << " does not have:\n" << snippet);
    CHECK(text_of(match[1].str()).find("\n" + snippet) != std::string::npos);
  }
  CHECK(snippets > 0);
}

TEST_CASE("the README's map names every floor") {
  const std::set<std::string> rows = first_column("README.md", std::regex("`([a-z]+)/`"));
  for (const std::string floor : {"ir", "autodiff", "codegen", "runtime", "models", "examples", "tools", "tests"}) {
    INFO(floor);
    CHECK(rows.count(floor) == 1);
  }
}

// A switch is a string literal "UWAGA_NAME" in a source of the floors or the command.
TEST_CASE("docs/switches.md lists the switches that the code reads") {
  std::set<std::string> read;
  const std::regex literal("\"(UWAGA_[A-Z_]+)\"");
  for (const std::string folder : {"ir", "autodiff", "codegen", "models", "runtime", "tools"})
    for (const std::string& file : sources::files(folder))
      for (const std::string& line : sources::lines(file))
        for (std::sregex_iterator match(line.begin(), line.end(), literal), end; match != end; ++match)
          read.insert((*match)[1]);
  const std::set<std::string> told = first_column("docs/switches.md", std::regex("`(UWAGA_[A-Z_]+)"));
  for (const std::string& name : read) {
    INFO("docs/switches.md lacks " << name);
    CHECK(told.count(name) == 1);
  }
  // Those that the scripts and the tests read are told too, and nothing that nobody reads.
  const std::string scripts = text_of("run_tests") + text_of("quickstart") + text_of("cmake/requirements.sh") +
                              text_of("tests/main.cpp") + text_of("tests/count.h") +
                              text_of("tests/runtime/shared_data.h") + text_of("tests/docs/ops.cpp");
  for (const std::string& name : told) {
    INFO("docs/switches.md tells of " << name << ", which nothing reads");
    CHECK((read.count(name) == 1 || scripts.find(name) != std::string::npos));
  }
}
