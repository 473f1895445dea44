#include "tools/command.h"
namespace uwaga {
void add_inspect(CLI::App&, Chosen&) {}
void add_bench(CLI::App&, Chosen&) {}
}
