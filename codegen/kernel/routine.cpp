#include <uwaga/codegen/kernel/routine.h>

#include <set>
#include <utility>

#include <uwaga/codegen/kernel/build.h>
#include <uwaga/codegen/kernel/hash.h>

namespace uwaga::kernel {
namespace {

void find(const Kernel& kernel, const std::vector<Stmt>& block, std::set<std::string>& symbols, std::vector<Routine>& found) {
  for (const Stmt& s : block) {
    if (s.kind == StmtKind::routine) {
      Routine routine = extract(kernel, s);
      if (symbols.insert(symbol(routine)).second) found.push_back(std::move(routine));
    } else {
      find(kernel, s.body, symbols, found);
      find(kernel, s.otherwise, symbols, found);
    }
  }
}

}  // namespace

void KernelBuilder::routine(const std::vector<Ex>& given, const std::function<void(const std::vector<Ex>&)>& body) {
  const Ordinal ordinal = ordinal_;
  std::vector<Stmt> statements = block([&] {
    std::vector<Ex> parameters;
    for (Ex value : given) {
      own(value);
      const VarId v = new_variable(value.type());
      Stmt& let = append(StmtKind::let);
      let.var = v;
      let.value = value.id;
      parameters.push_back(read(v));
    }
    body(parameters);
  });
  Stmt& s = append(StmtKind::routine);
  s.ordinal = ordinal;
  s.step = static_cast<std::int64_t>(given.size());
  s.body = std::move(statements);
}

std::string symbol(const Routine& routine) { return "routine_" + code_hash(routine.kernel).str(); }

std::vector<Routine> different_routines(const Kernel& kernel) {
  std::vector<Routine> found;
  std::set<std::string> symbols;
  find(kernel, kernel.body, symbols, found);
  return found;
}

}  // namespace uwaga::kernel
