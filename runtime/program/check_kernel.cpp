#include <uwaga/runtime/check_kernel.h>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <set>

#include <uwaga/ir/error.h>
#include <uwaga/ir/graph.h>
#include <uwaga/ir/hasher.h>
#include <uwaga/runtime/program.h>

namespace uwaga {
namespace {

std::vector<Target> targets_here() {
  std::vector<Target> out;
#ifdef UWAGA_WITH_LLVM
  out = {Target::host(1), Target::host(2)};
#endif
#ifdef UWAGA_WITH_CUDA
  out.push_back(Target::emulated());
#endif
  return out;
}

// 2^-53, 2^-24, 2^-11, 2^-8.
double roundoff(DType d) {
  switch (d) {
    case DType::f64: return 0x1p-53;
    case DType::f16: return 0x1p-11;
    case DType::bf16: return 0x1p-8;
    default: return 0x1p-24;
  }
}

Array drawn(const Type& type, const Sizes& sizes, const std::string& name, const KernelCheckOptions& o) {
  ArrayDims dims;
  for (const Dim& d : type.dims) dims.push_back({d.axis, d.extent.evaluate(sizes)});
  Array x(type.dtype, std::move(dims));
  for (std::int64_t i = 0; i < x.elements(); ++i) {
    const std::uint64_t word = Hasher().bytes(name).word(static_cast<std::uint64_t>(i)).finish().lo;
    if (is_float(type.dtype)) x.set(i, o.low + (o.high - o.low) * static_cast<double>(word >> 11) * 0x1p-53);
    else x.set_integer(i, static_cast<std::int64_t>(word % (type.dtype == DType::boolean ? 2 : 3)));
  }
  return x;
}

std::set<std::string> symbols_of(const Graph& g) {
  std::set<std::string> out;
  for (NodeId id : g->inputs())
    for (const Dim& d : g->node(id).types[0].dims)
      for (const std::string& s : d.extent.symbols()) out.insert(s);
  return out;
}

std::string str(const Sizes& sizes) {
  std::string out;
  for (const auto& [name, size] : sizes) out += fmt::format(", {}={}", name, size);
  return out;
}

struct Difference {
  double units = 0;
  std::int64_t element = -1;
};

Difference difference(const Array& have, const Array& want) {
  Difference worst;
  if (!is_float(want.dtype())) {
    for (std::int64_t i = 0; i < want.elements(); ++i)
      if (have.integer_at(i) != want.integer_at(i)) return {std::numeric_limits<double>::infinity(), i};
    return worst;
  }
  double largest = 0;
  for (std::int64_t i = 0; i < want.elements(); ++i)
    if (std::isfinite(want.at(i))) largest = std::max(largest, std::abs(want.at(i)));
  for (std::int64_t i = 0; i < want.elements(); ++i) {
    const double a = have.at(i), b = want.at(i);
    if (a == b || (std::isnan(a) && std::isnan(b))) continue;
    const bool comparable = std::isfinite(a) && std::isfinite(b) && largest > 0;
    const double units = comparable ? std::abs(a - b) / (largest * roundoff(want.dtype())) : std::numeric_limits<double>::infinity();
    if (units > worst.units) worst = {units, i};
  }
  return worst;
}

}  // namespace

std::string KernelCheck::str() const {
  std::string out = fmt::format("{}: {} runs, largest difference {:.3g} units: {}", composite, runs, worst, passed ? "passed" : "failed");
  if (!worst_at.empty()) out += fmt::format("; {}", worst_at);
  for (const std::string& s : skipped) out += fmt::format("; skipped {}", s);
  return out;
}

KernelCheck check_kernel(const CustomKernel& kernel, const std::function<void(Graph& g, DType dtype)>& write, const KernelCheckOptions& options) {
  KernelCheck check;
  check.composite = kernel.composite;
  for (const DType d : options.dtypes) {
    Graph g;
    write(g, d);
    State state;
    Program body = compile(g, Target::interpreter(), state);
    state.initialise(1, Target::interpreter());
    const std::set<std::string> symbols = symbols_of(g);
    const std::size_t runs = symbols.empty() ? 1 : options.sizes.size();
    std::vector<Sizes> sizes(runs);
    std::vector<Arrays> inputs(runs), wanted(runs);
    for (std::size_t r = 0; r < runs; ++r) {
      // Symbols take the sizes at different times, so that one is large where another is small.
      std::size_t shift = 0;
      for (const std::string& s : symbols) sizes[r][s] = options.sizes[(r + 5 * shift++) % options.sizes.size()];
      for (NodeId id : g->inputs()) {
        const std::string& name = g->node(id).as<InputAttrs>().name;
        inputs[r].emplace(name, drawn(g->node(id).types[0], sizes[r], name, options));
      }
      wanted[r] = body.run(inputs[r]);
    }
    for (const Target& target : options.targets.empty() ? targets_here() : options.targets) {
      std::optional<Program> program;
      try {
        program = compile(g, target, state, {.kernels = {kernel}});
      } catch (const SystemError& e) {  // no compiler, no driver
        check.skipped.push_back(fmt::format("{}: {}", target.str(), e.what()));
        continue;
      }
      for (std::size_t r = 0; r < runs; ++r) {
        const Arrays have = program->run(inputs[r]);
        ++check.runs;
        for (const auto& [name, want] : wanted[r]) {
          const Array& mine = have.at(name);
          const Difference worst = difference(mine, want);
          if (worst.units <= check.worst) continue;
          check.worst = worst.units;
          check.worst_at = fmt::format("output '{}', {}{}, {}: {} instead of {} at element {}", name, uwaga::name(d), str(sizes[r]), target.str(),
                                       mine.at(worst.element), want.at(worst.element), worst.element);
        }
      }
    }
  }
  check.passed = check.runs > 0 && check.worst <= options.units;
  return check;
}

}  // namespace uwaga
