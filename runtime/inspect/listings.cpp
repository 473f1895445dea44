// The stages of an Inspection as lines and as text.
#include <fmt/format.h>

#include <charconv>
#include <functional>

#include <uwaga/codegen/kernel/math.h>
#include <uwaga/codegen/listing.h>
#include <uwaga/ir/error.h>
#include <uwaga/ir/print.h>
#include <uwaga/runtime/inspect/internal/impl.h>
#ifdef UWAGA_WITH_LLVM
#include <uwaga/codegen/llvm/compile.h>
#include <uwaga/runtime/compiled/host/internal/host_kernels.h>
#endif
#ifdef UWAGA_WITH_CUDA
#include <uwaga/codegen/cuda/emit.h>
#include <uwaga/runtime/cuda/nvrtc.h>
#endif

namespace uwaga {
namespace {

// What begins a comment in the stage's language.
std::string_view comment(Stage stage) {
  switch (stage) {
    case Stage::llvm: return "; ";
    case Stage::assembly: return "# ";
    default: return "// ";
  }
}

// Origins stand in a column of their own where the lines are short enough.
constexpr std::size_t kOriginColumn = 76;

#ifdef UWAGA_WITH_CUDA

std::vector<std::string_view> split(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    lines.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

// The number after the last `word`, less one: an index of a source line. -1 where there is none.
int number_after(std::string_view line, std::string_view word) {
  const std::size_t at = line.rfind(word);
  if (at == std::string_view::npos) return -1;
  std::string_view rest = line.substr(at + word.size());
  const auto skip = [&] { rest.remove_prefix(std::min(rest.find_first_not_of(" \t"), rest.size())); };
  skip();
  rest.remove_prefix(std::min(rest.find_first_of(" \t"), rest.size()));  // the number of the file
  skip();
  int number = 0;
  const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), number);
  return error == std::errc() ? number - 1 : -1;
}

// PTX tells the line of CUDA (.loc), and that line tells its op. Inside the preamble's functions it is the call's line.
std::vector<ListingLine> ptx_listing(const std::string& ptx, const std::string& source) {
  const std::vector<std::string_view> cuda = split(source);
  std::vector<ListingLine> lines;
  int ordinal = -1;
  bool inside = false;
  const auto ordinal_of = [&](int line) {
    if (line < 0 || line >= static_cast<int>(cuda.size())) return -1;
    const auto marked = cuda_listing(cuda[static_cast<std::size_t>(line)]);
    return marked.empty() ? -1 : marked[0].ordinal;
  };
  for (const std::string_view text : split(ptx)) {
    const std::size_t start = text.find_first_not_of(" \t");
    if (start == std::string_view::npos) continue;
    const std::string_view word = text.substr(start);
    if (word.starts_with(".section") || word.starts_with(".file")) break;  // the debug tables
    if (word.starts_with(".loc")) {
      const bool inlined = word.find("inlined_at") != std::string_view::npos;
      if (const int now = ordinal_of(number_after(word, inlined ? "inlined_at" : ".loc")); now >= 0) ordinal = now;
      continue;
    }
    if (word.starts_with("//")) continue;
    if (word == "{") inside = true;
    ListingLine line{std::string(text)};
    line.instruction = inside && word[0] != '.' && word[0] != '{' && word[0] != '}' && word[0] != '$';
    if (line.instruction) line.ordinal = ordinal;
    if (word == "}") inside = false;
    lines.push_back(std::move(line));
  }
  // What comes before the first line that is told (loads of parameters) belongs to the first op that is.
  int first = -1;
  for (const ListingLine& l : lines)
    if (l.instruction && l.ordinal >= 0 && first < 0) first = l.ordinal;
  for (ListingLine& l : lines)
    if (l.instruction && l.ordinal < 0) l.ordinal = first;
  return lines;
}

#endif

std::vector<ListingLine> lines_of(Stage stage, const kernel::Kernel& k, const std::string& symbol) {
  if (stage == Stage::kernel) return kernel_listing(k);
#ifdef UWAGA_WITH_LLVM
  if (stage == Stage::llvm || stage == Stage::assembly) {
    const HostCompiler compiler(this_host());
    const kernel::Kernel expanded = kernel::expand_math(k);
    return stage == Stage::llvm ? compiler.llvm_listing(expanded) : compiler.assembly_listing(expanded);
  }
#endif
#ifdef UWAGA_WITH_CUDA
  if (stage == Stage::cuda) return cuda_listing(kernel::emit_cuda(kernel::expand_math(k), symbol));
  if (stage == Stage::ptx) {
    const kernel::Kernel expanded = kernel::expand_math(k);
    const kernel::NamedKernel named{&expanded, symbol};
    const std::string source = kernel::cuda_source({&named, 1});
    return ptx_listing(Nvrtc().compile(source, {.architecture = "sm_80", .ptx = true}).ptx, source);
  }
#endif
  (void)symbol;
  throw Error(fmt::format("this build cannot show {}: it was built without that backend", name(stage)));
}

std::string fused_text(const Inspection& seen, const Executable& main) {
  std::string out;
  each_executable(main, [&](const Executable& e, const std::string& prefix) {
    std::map<int, std::vector<int>> kernels;  // by cluster
    for (const Step& s : e.steps)
      if (const auto* l = std::get_if<Launch>(&s)) kernels[l->cluster].push_back(l->kernel);
    const auto cluster_name = [&](int c) { return c < 0 ? std::string("border") : fmt::format("{}c{}", prefix, c); };
    for (std::size_t i = 0; i < e.clustering.clusters.size(); ++i) {
      const Cluster& c = e.clustering.clusters[i];
      out += fmt::format("{} {}, {} ops, {} stored", cluster_name(static_cast<int>(i)), name(c.kind), c.nodes.size(), c.outputs.size());
      for (const int k : kernels[static_cast<int>(i)]) out += ", " + seen.kernels()[static_cast<std::size_t>(k)].name;
      out += '\n';
      for (const NodeId id : c.nodes) out += fmt::format("  {}\n", print_node(e.graph.data(), id));
    }
  });
  for (const InspectedBoundary& b : seen.boundaries())
    out += fmt::format("{} {} -> {}: {}{}  // {}\n", b.value, b.from, b.to, b.rule, b.numbers.empty() ? "" : " (" + b.numbers + ")",
                       b.origin);
  for (const std::string& why : seen.refused_attention()) out += fmt::format("attention from its body: {}\n", why);
  return out;
}

}  // namespace

std::vector<InspectedLine> Inspection::listing(Stage stage, std::size_t kernel) const {
  check_internal(kernel < impl_->compiled.size(), "there is no such kernel to list");
  if (stage <= Stage::fused) throw Error(fmt::format("{} is of a program, not of one kernel", name(stage)));
  if (!has_stage(impl_->target, stage))
    throw Error(fmt::format("kernels of the {} have no {}; ask for {}", impl_->target.str(), name(stage),
                            stage == Stage::cuda || stage == Stage::ptx ? "emulated CUDA" : "the host"));
  std::vector<InspectedLine> out;
  for (ListingLine& l : lines_of(stage, impl_->compiled[kernel], impl_->kernels[kernel].name))
    out.push_back({std::move(l.text), l.ordinal, l.instruction});
  return out;
}

int Inspection::without_origin(Stage stage, std::size_t kernel) const {
  const std::vector<InspectedOp>& ops = impl_->kernels.at(kernel).calls.at(0).ops;
  int count = 0;
  for (const InspectedLine& l : listing(stage, kernel))
    count += l.instruction &&
             (l.op < 0 || static_cast<std::size_t>(l.op) >= ops.size() || ops[static_cast<std::size_t>(l.op)].lines.empty());
  return count;
}

std::string Inspection::kernel_text(Stage stage, std::size_t kernel) const {
  const InspectedKernel& k = impl_->kernels.at(kernel);
  const std::vector<InspectedOp>& ops = k.calls.at(0).ops;
  std::string out = fmt::format("{}{}: {}, {} call{}\n", comment(stage), k.name, k.kind, k.calls.size(), k.calls.size() == 1 ? "" : "s");
  for (const InspectedLine& l : listing(stage, kernel)) {
    if (l.op < 0 || static_cast<std::size_t>(l.op) >= ops.size()) {
      out += l.text + '\n';
      continue;
    }
    const InspectedOp& op = ops[static_cast<std::size_t>(l.op)];
    out += fmt::format("{:<{}}  {}{} {}\n", l.text, kOriginColumn, comment(stage), op.brief, op.op);
  }
  return out;
}

std::string Inspection::text(Stage stage, const InspectFilter& filter) const {
  if (stage == Stage::graph) return print(impl_->written);
  if (stage == Stage::fused) return fused_text(*this, *impl_->main);
  std::string out;
  for (std::size_t i = 0; i < impl_->kernels.size(); ++i)
    if (shows(impl_->kernels[i], filter)) out += (out.empty() ? "" : "\n") + kernel_text(stage, i);
  return out;
}

}  // namespace uwaga
