#include <uwaga/runtime/compiled/internal/bind.h>

#include <algorithm>
#include <cstring>

#include <uwaga/codegen/kernel/launch.h>
#include <uwaga/ir/check_sizes.h>

namespace uwaga {
namespace {

template <typename T>
std::uint64_t bits_of(T value) {
  std::uint64_t bits = 0;
  std::memcpy(&bits, &value, sizeof value);
  return bits;
}
std::uint64_t argument_bits(std::int64_t value, DType dtype) {
  if (dtype == DType::f32) return bits_of(static_cast<float>(value));
  if (dtype == DType::f64) return bits_of(static_cast<double>(value));
  return bits_of(value);
}
std::uint64_t argument_bits(const Literal& literal, DType dtype) {
  if (dtype == DType::f32) return bits_of(static_cast<float>(literal.as_double()));
  if (dtype == DType::f64) return bits_of(literal.as_double());
  return bits_of(literal.as_integer());
}

std::int64_t divided(std::int64_t n, std::int64_t parts) { return (n + (parts - 1)) / parts; }
std::int64_t in_pages(std::int64_t bytes) { return (bytes + 4095) / 4096 * 4096; }

}  // namespace

Binder::Binder(const Executable& executable, const std::vector<kernel::Kernel>& kernels)
    : executable_(executable), kernels_(kernels), checked_(nodes_of_open_sizes(executable.graph.data())) {
  const auto size_of_storage = [&](int storage) {
    return static_cast<std::int64_t>(size_of(executable_.storages[static_cast<std::size_t>(storage)].dtype));
  };
  const std::vector<Step>& steps = executable.steps;
  BoundExecutable& b = constant_;
  for (std::size_t i = 0; i < executable.storages.size(); ++i) {
    const Storage& s = executable.storages[i];
    b.bytes.push_back(value_of(s.elements, size_of_storage(static_cast<int>(i)), i, bytes_, s.parts));
  }
  b.launches.resize(steps.size());
  b.lengths.resize(steps.size());
  b.offsets.resize(steps.size());
  for (std::size_t i = 0; i < steps.size(); ++i) {
    if (const auto* launch = std::get_if<Launch>(&steps[i])) {
      add_launch(i, *launch);
    } else if (const auto* copy = std::get_if<Copy>(&steps[i])) {
      b.offsets[i] = value_of(copy->offset, size_of_storage(copy->to), i, offsets_);
    } else if (const auto* s = std::get_if<ScanRun>(&steps[i])) {
      b.lengths[i] = value_of(s->length, 1, i, lengths_);
      bodies_[i].emplace_back(*s->body, kernels);
    } else if (const auto* c = std::get_if<CondRun>(&steps[i])) {
      for (const auto& body : c->bodies) bodies_[i].emplace_back(*body, kernels);
    }
  }
  moves_ = std::any_of(executable.blocks.begin(), executable.blocks.end(), [](const Lifetime& l) { return !l.bytes.is_constant(); });
  if (!moves_) b.placement = place(executable.blocks, {});
}

std::int64_t Binder::value_of(const Extent& extent, std::int64_t unit, std::size_t at, std::vector<Open>& open, std::int64_t parts) {
  if (const auto c = extent.constant()) return divided(*c, parts) * unit;
  open.push_back({at, number_of(extent), unit, parts});
  return 0;
}

std::size_t Binder::number_of(const Extent& extent) {
  return extents_.try_emplace(extent, extents_.size()).first->second;
}

void Binder::add_launch(std::size_t step, const Launch& launch) {
  const kernel::Kernel& k = kernels_[static_cast<std::size_t>(launch.kernel)];
  BoundExecutable& b = constant_;
  b.launches[step] = {b.arguments.size(), launch.arguments.size(), 0};
  bool open = false;
  for (std::size_t a = 0; a < launch.arguments.size(); ++a) {
    std::uint64_t bits = 0;
    if (const auto* literal = std::get_if<Literal>(&launch.arguments[a])) {
      bits = argument_bits(*literal, k.arguments[a]);
    } else if (const auto& extent = std::get<Extent>(launch.arguments[a]); extent.is_constant()) {
      bits = argument_bits(*extent.constant(), k.arguments[a]);
    } else {
      arguments_.push_back({b.arguments.size(), number_of(extent), k.arguments[a]});
      open = true;
    }
    b.arguments.push_back(bits);
  }
  if (open) launches_.push_back(step);
  else size_launch(step, b);
}

void Binder::size_launch(std::size_t step, BoundExecutable& bound) const {
  const kernel::Kernel& k = kernels_[static_cast<std::size_t>(std::get<Launch>(executable_.steps[step]).kernel)];
  BoundLaunch& launch = bound.launches[step];
  launch.tasks = kernel::task_count(k, bound.arguments_of(launch));
  bound.scratch_bytes = std::max(bound.scratch_bytes, in_pages(kernel::scratch_bytes(k, bound.arguments_of(launch))));
}

BoundExecutable Binder::bind(const Sizes& sizes) const {
  check_sizes(executable_.graph.data(), checked_, sizes);  // or a kernel would read where nothing is
  std::vector<std::int64_t> values(extents_.size());
  for (const auto& [extent, number] : extents_) values[number] = extent.evaluate(sizes);
  BoundExecutable b = constant_;
  const auto fill = [&](std::vector<std::int64_t>& to, const std::vector<Open>& open) {
    for (const Open& o : open) to[o.at] = divided(values[o.extent], o.parts) * o.unit;
  };
  fill(b.bytes, bytes_);
  fill(b.lengths, lengths_);
  fill(b.offsets, offsets_);
  for (const OpenArgument& a : arguments_) b.arguments[a.at] = argument_bits(values[a.extent], a.dtype);
  for (std::size_t step : launches_) size_launch(step, b);
  if (moves_) b.placement = place(executable_.blocks, sizes);
  for (const auto& [step, binders] : bodies_)
    for (const Binder& body : binders) b.scratch_bytes = std::max(b.scratch_bytes, b.bodies[step].emplace_back(body.bind(sizes)).scratch_bytes);
  return b;
}

}  // namespace uwaga
