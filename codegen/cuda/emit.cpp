#include <uwaga/codegen/cuda/emit.h>

#include <algorithm>

#include <fmt/format.h>

#include <uwaga/codegen/cuda/internal/emitter.h>
#include <uwaga/codegen/cuda/preamble.h>
#include <uwaga/codegen/kernel/launch.h>
#include <uwaga/ir/error.h>

namespace uwaga::kernel {

std::string_view cuda_type(DType d) { return d == DType::boolean ? "bool" : name(d); }

CudaEmitter::CudaEmitter(const Kernel& kernel)
    : k_(kernel), assigned_(kernel.variables.size()), index_variable_(kernel.variables.size()), variable_prefix_(kernel.variables.size()), known_(1) {
  study();
}

std::string CudaEmitter::function(const std::string& name) {
  header(name);
  memory();
  tasks();
  block(k_.body);
  depth_ = 0;
  line("}", k_.body.empty() ? Ordinal{0} : k_.body.back().ordinal);
  return std::move(out_);
}

void CudaEmitter::line(const std::string& text, Ordinal ordinal) {
  out_ += fmt::format("{:{}}{}  // #{}\n", "", 2 * depth_, text, ordinal);
}

void CudaEmitter::header(const std::string& name) {
  std::string parameters;
  for (std::size_t i = 0; i < k_.buffers.size(); ++i) {
    const Buffer& b = k_.buffers[i];
    if (b.space == Space::global) parameters += fmt::format("{}{}* b{}, ", b.written ? "" : "const ", cuda_type(b.dtype), i);
  }
  for (std::size_t i = 0; i < k_.arguments.size(); ++i) parameters += fmt::format("{} s{}, ", cuda_type(k_.arguments[i]), i);
  depth_ = 0;
  line(fmt::format("extern \"C\" __global__ void __launch_bounds__({}, 1) {}({}u64* error) {{", k_.threads == 1 ? kTasksABlock : k_.threads, name,
                   parameters),
       k_.body.empty() ? Ordinal{0} : k_.body.front().ordinal);
  depth_ = 1;
}

void CudaEmitter::memory() {
  std::int64_t offset = 0;
  for (std::size_t i = 0; i < k_.buffers.size(); ++i) {
    const Buffer& b = k_.buffers[i];
    if (b.space == Space::global) continue;
    const Expr& n = k_.expr(b.elements);
    if (n.kind != ExprKind::integer) throw InternalError("a kernel for CUDA has a buffer of its own whose size is known at launch only");
    const std::int64_t count = std::max<std::int64_t>(n.integer, 1);
    if (b.space == Space::shared) {
      line(fmt::format("SHARED({}, b{}, {}, {});", cuda_type(b.dtype), i, count, offset), n.ordinal);
      offset += (count * static_cast<std::int64_t>(size_of(b.dtype)) + 15) / 16 * 16;
    } else {
      line(fmt::format("LOCAL({}, b{}, {});", cuda_type(b.dtype), i, count), n.ordinal);
    }
  }
}

// The task of this block or thread, and its place in the grid.
void CudaEmitter::tasks() {
  const Ordinal ordinal = k_.body.empty() ? Ordinal{0} : k_.body.front().ordinal;
  if (k_.threads > 1) {
    variable_prefix_[k_.thread] = "thread";
    line("const i64 thread = thread_index();", ordinal);
  }
  std::vector<std::string> extents;
  for (ExprId e : k_.grid_extents) extents.push_back(scalar(e));
  std::string task = "block_index()";
  if (k_.threads == 1) {
    line(fmt::format("const i64 task = block_index() * {} + thread_index();", kTasksABlock), ordinal);
    std::string all;
    for (const std::string& n : extents) all += all.empty() ? n : " * " + n;
    line(fmt::format("if (task >= {}) return;", all.empty() ? "1" : all), ordinal);
    task = "task";
  }
  for (std::size_t i = k_.grid.size(); i-- > 0;) {
    std::string& prefix = variable_prefix_[k_.grid[i]];
    prefix = fmt::format("g{}", i);
    if (extents[i] == "1") {
      line(fmt::format("const i64 {} = 0;", prefix), ordinal);
      continue;
    }
    if (i == 0) {
      line(fmt::format("const i64 {} = {};", prefix, task), ordinal);
      break;
    }
    const std::string n = named(extents[i], DType::i64, ordinal);
    line(fmt::format("const i64 {} = rem_index({}, {});", prefix, task, n), ordinal);
    const std::string rest = fmt::format("rest{}", i);
    line(fmt::format("const i64 {} = div_index({}, {});", rest, task, n), ordinal);
    task = rest;
  }
}

std::string CudaEmitter::variable(VarId id, int lane) const {
  const std::string& prefix = variable_prefix_[id];
  if (prefix.empty()) throw InternalError(fmt::format("variable {} of a kernel is used before it is defined", id));
  return k_.variables[id].type.lanes == 1 ? prefix : fmt::format("{}_{}", prefix, lane);
}

void CudaEmitter::enter() {
  known_.emplace_back();
  ++depth_;
}

void CudaEmitter::leave() {
  known_.pop_back();
  --depth_;
}

void CudaEmitter::touch() {
  for (auto& known : known_) std::erase_if(known, [&](const auto& entry) { return !pure_[entry.first]; });
}

void CudaEmitter::block(const std::vector<Stmt>& body) {
  for (const Stmt& s : body) statement(s);
}

void CudaEmitter::statement(const Stmt& s) {
  switch (s.kind) {
    case StmtKind::let: return let(s);
    case StmtKind::declare: {
      const Lanes values = value(s.value);
      const VType t = k_.variables[s.var].type;
      variable_prefix_[s.var] = fmt::format("m{}", s.var);
      for (int l = 0; l < t.lanes; ++l)
        line(fmt::format("{} {} = {};", cuda_type(t.dtype), variable(s.var, l), values[static_cast<std::size_t>(l)]), s.ordinal);
      return;
    }
    case StmtKind::assign: return assign(s);
    case StmtKind::store: return store(s);
    case StmtKind::loop: return loop(s);
    case StmtKind::branch: return branch(s);
    case StmtKind::fail: return fail(s);
    case StmtKind::prefetch: return;
    case StmtKind::routine: throw InternalError("routines, which are of host schedules only, reached the CUDA emitter");
    case StmtKind::tile_zero:
    case StmtKind::tile_load:
    case StmtKind::tile_dot:
    case StmtKind::tile_store: throw InternalError("tiles, which are of host schedules only, reached the CUDA emitter");
    case StmtKind::barrier:
      line(fmt::format("barrier({});", barriers_++), s.ordinal);
      touch();
      return;
  }
}

// The variable is the name of its value from here on; a value that has a name that never changes lends it.
void CudaEmitter::let(const Stmt& s) {
  const VType t = k_.variables[s.var].type;
  const Lanes* known = find(s.value);
  if (known != nullptr && t.lanes == 1 && is_constant_name((*known)[0])) {
    variable_prefix_[s.var] = (*known)[0];
    return;
  }
  const Lanes values = known != nullptr ? *known : compute(k_.expr(s.value));
  variable_prefix_[s.var] = fmt::format("v{}", s.var);
  Lanes names;
  for (int l = 0; l < t.lanes; ++l) {
    names.push_back(variable(s.var, l));
    line(fmt::format("const {} {} = {};", cuda_type(t.dtype), names.back(), values[static_cast<std::size_t>(l)]), s.ordinal);
  }
  known_.back()[s.value] = std::move(names);
}

void CudaEmitter::assign(const Stmt& s) {
  const Lanes values = frozen(s.value);
  for (std::size_t l = 0; l < values.size(); ++l) line(fmt::format("{} = {};", variable(s.var, static_cast<int>(l)), values[l]), s.ordinal);
  touch();
}

void CudaEmitter::store(const Stmt& s) {
  const Lanes at = frozen(s.index), values = frozen(s.value);
  const Lanes mask = s.condition == kNone ? Lanes{} : frozen(s.condition);
  for (std::size_t l = 0; l < at.size(); ++l)
    line(fmt::format("{}b{}[{}] = {};", mask.empty() ? "" : fmt::format("if ({}) ", mask[l]), s.buffer, at[l], values[l]), s.ordinal);
  touch();
}

// The first lane that fails is told.
void CudaEmitter::fail(const Stmt& s) {
  const Lanes conditions = value(s.condition), at = value(s.value);
  for (std::size_t l = 0; l < conditions.size(); ++l)
    line(fmt::format("{}if ({}) fail(error, {}, {});", l == 0 ? "" : "else ", conditions[l], at[at.size() == 1 ? 0 : l], s.ordinal), s.ordinal);
}

void CudaEmitter::loop(const Stmt& s) {
  const std::string begin = scalar(s.begin), end = pure_[s.end] ? scalar(s.end) : named(scalar(s.end), DType::i64, s.ordinal);
  touch();
  const std::string i = variable_prefix_[s.var] = fmt::format("j{}", s.var);  // i8, i32 and i64 are types
  line(fmt::format("for (i64 {} = {}; {} < {}; {} += {}) {{", i, begin, i, end, i, s.step), s.ordinal);
  enter();
  block(s.body);
  leave();
  line("}", s.ordinal);
  touch();
}

void CudaEmitter::branch(const Stmt& s) {
  line(fmt::format("if ({}) {{", scalar(s.condition)), s.ordinal);
  enter();
  block(s.body);
  leave();
  if (!s.otherwise.empty()) {
    line("} else {", s.ordinal);
    enter();
    block(s.otherwise);
    leave();
  }
  line("}", s.ordinal);
  touch();
}

std::string emit_cuda(const Kernel& kernel, const std::string& name) { return CudaEmitter(kernel).function(name); }

std::string cuda_source(std::span<const NamedKernel> kernels) {
  std::string out(cuda_preamble());
  for (const NamedKernel& k : kernels) out += fmt::format("\n// {}\n", k.kernel->kind) + emit_cuda(*k.kernel, k.name);
  return out;
}

namespace {

bool has_barrier(const std::vector<Stmt>& body) {
  return std::any_of(body.begin(), body.end(),
                     [](const Stmt& s) { return s.kind == StmtKind::barrier || has_barrier(s.body) || has_barrier(s.otherwise); });
}

}  // namespace

std::string emulated_source(std::span<const NamedKernel> kernels) {
  std::string out = cuda_source(kernels);
  out += "\n// ---- one thread of each, for the host: parameters by address, as in a launch; bytes of shared memory, has it barriers, how many parameters\n";
  for (const NamedKernel& k : kernels) {
    std::string call;
    std::size_t n = 0;
    const auto parameter = [&](const std::string& type) { call += fmt::format("{}*({}*)p[{}]", n == 0 ? "" : ", ", type, n), ++n; };
    const auto globals = static_cast<std::size_t>(k.kernel->global_buffers());
    for (std::size_t i = 0; i < globals; ++i) parameter(fmt::format("{}*", cuda_type(k.kernel->buffers[i].dtype)));
    for (DType d : k.kernel->arguments) parameter(std::string(cuda_type(d)));
    parameter("u64*");
    out += fmt::format("extern \"C\" void {0}_thread(Place* mine, void* const* p) {{\n  place = mine;\n  {0}({1});\n}}\n"
                       "extern \"C\" {{ extern const i64 {0}_facts[3]; const i64 {0}_facts[3] = {{{2}, {3}, {4}}}; }}\n",
                       k.name, call, shared_bytes(*k.kernel), has_barrier(k.kernel->body) ? 1 : 0, n);
  }
  return out;
}

CudaLaunch cuda_launch(const Kernel& kernel, std::span<const std::uint64_t> arguments) {
  const std::int64_t tasks = task_count(kernel, arguments);
  if (kernel.threads > 1) return {tasks, kernel.threads};
  return {(tasks + kTasksABlock - 1) / kTasksABlock, kTasksABlock};
}

std::int64_t shared_bytes(const Kernel& kernel) {
  std::int64_t bytes = 0;
  for (const Buffer& b : kernel.buffers)
    if (b.space == Space::shared)
      bytes += (std::max<std::int64_t>(kernel.expr(b.elements).integer, 1) * static_cast<std::int64_t>(size_of(b.dtype)) + 15) / 16 * 16;
  return bytes;
}

int cuda_lines_without_origin(std::string_view function) {
  int count = 0;
  while (!function.empty()) {
    const std::size_t end = function.find('\n');
    const std::string_view line = function.substr(0, end);
    count += !line.empty() && line.find("  // #") == std::string_view::npos;
    function = end == std::string_view::npos ? std::string_view{} : function.substr(end + 1);
  }
  return count;
}

}  // namespace uwaga::kernel
