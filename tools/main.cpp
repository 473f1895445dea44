// The uwaga command: parses the command line, runs the subcommand, turns errors into one sentence and an exit code.
#include <cctype>
#include <cstdio>
#include <iostream>
#include <new>

#include "tools/command.h"

namespace {

using namespace uwaga;

int fail(int code, std::string sentence) {
  std::cout.flush();
  while (!sentence.empty() && (sentence.back() == '\n' || sentence.back() == '.')) sentence.pop_back();
  std::cerr << "uwaga: " << sentence << '\n';
  return code;
}

// A parser's sentence as ours are written: on one line, its first word lower case.
std::string usage_sentence(std::string text, const std::string& command) {
  for (char& c : text)
    if (c == '\n') c = ' ';
  if (!text.empty()) text[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(text[0])));
  return text + " (" + command + " --help lists what there is)";
}

bool is_subcommand(const CLI::App& app, const std::string& name) {
  for (const CLI::App* sub : app.get_subcommands([](const CLI::App*) { return true; }))
    if (sub->get_name() == name) return true;
  return false;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("uwaga: transformers as graphs, compiled to machine code", "uwaga");
  app.set_version_flag("--version", "uwaga " UWAGA_VERSION, "print the version");
  app.require_subcommand(1);
  Chosen chosen;
  add_train(app, chosen);
  add_generate(app, chosen);
  add_check(app, chosen);
  add_inspect(app, chosen);
  add_bench(app, chosen);
  add_devices(app, chosen);
  if (argc > 1 && argv[1][0] != '-' && !is_subcommand(app, argv[1]))
    return fail(2, usage_sentence("there is no subcommand '" + std::string(argv[1]) + "'", "uwaga"));
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& asked) {  // --help, --version
    return app.exit(asked);
  } catch (const CLI::ParseError& e) {
    std::string command = "uwaga";
    for (const CLI::App* sub : app.get_subcommands()) command += " " + sub->get_name();
    return fail(2, usage_sentence(e.what(), command));
  }
  try {
    const int code = chosen();
    std::cout.flush();
    return std::cout ? code : fail(1, "cannot write to standard output");
  } catch (const UsageError& e) {
    return fail(2, e.what());
  } catch (const std::bad_alloc&) {
    return fail(1, "there is not enough memory");
  } catch (const std::exception& e) {
    return fail(1, e.what());
  }
}
