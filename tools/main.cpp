// The uwaga command: parses the command line, runs the subcommand, turns errors into one sentence and an exit code.
#include <fcntl.h>
#include <fmt/format.h>

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

// Where a standard stream is closed, the next file that is opened would take its number, and get what is printed. Output that
// was closed cannot be written to; complaints go nowhere.
void open_standard_streams() {
  for (const int stream : {0, 1, 2})
    if (fcntl(stream, F_GETFD) == -1) open("/dev/null", stream == 2 ? O_WRONLY : O_RDONLY);
}

// The command as far as it was understood: "uwaga bench step".
std::string command_of(const CLI::App& app) {
  std::string words = app.get_name();
  for (const CLI::App* sub : app.get_subcommands()) words += " " + command_of(*sub);
  return words;
}

// Where a subcommand is due and something else stands, the parser says that one is due; this says what stands there.
std::string unknown_word(const CLI::App& app, const std::string& command, int argc, char** argv) {
  const auto all = app.get_subcommands([](const CLI::App*) { return true; });
  if (all.empty() || argc < 1) return {};
  const std::string word = argv[0];
  for (const CLI::App* sub : all)
    if (sub->get_name() == word) return unknown_word(*sub, command + " " + word, argc - 1, argv + 1);
  const bool option = word.starts_with('-');
  if (option && app.get_option_no_throw(word.substr(0, word.find('=')))) return {};
  return usage_sentence(fmt::format("there is no {} '{}'", option ? "option" : "subcommand", word), command);
}

}  // namespace

int main(int argc, char** argv) {
  open_standard_streams();
  CLI::App app("uwaga: transformers as graphs, compiled to machine code", "uwaga");
  app.set_version_flag("--version", "uwaga " UWAGA_VERSION, "print the version");
  app.require_subcommand(1);
  Chosen chosen;
  add_train(app, chosen);
  add_generate(app, chosen);
  add_check(app, chosen);
  add_inspect(app, chosen);
  add_bench(app, chosen);
  add_tune(app, chosen);
  add_devices(app, chosen);
  if (const std::string sentence = unknown_word(app, "uwaga", argc - 1, argv + 1); !sentence.empty()) return fail(2, sentence);
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& asked) {  // --help, --version
    return app.exit(asked);
  } catch (const CLI::ParseError& e) {
    return fail(2, usage_sentence(e.what(), command_of(app)));
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
