#include <uwaga/codegen/lower/inline.h>

#include <algorithm>
#include <cmath>
#include <set>

#include <uwaga/codegen/lower/table.h>
#include <uwaga/ir/error.h>

namespace uwaga::kernel {

const Index& IndexEnv::at(const std::string& axis) const {
  const auto it = axes.find(axis);
  if (it == axes.end()) throw InternalError("no index is given for axis '" + axis + "'");
  return it->second;
}

IndexEnv IndexEnv::with(const std::string& axis, Index index) const {
  IndexEnv out = *this;
  out.axes[axis] = index;
  return out;
}

IndexEnv IndexEnv::masked(Ex condition) const {
  IndexEnv out = *this;
  out.mask = mask ? mask && condition : condition;
  return out;
}

std::size_t Inline::KeyHash::operator()(const Key& key) const {
  std::uint64_t h = 0x9e3779b97f4a7c15;
  for (std::uint64_t k : key) h = (h ^ k) * 0xff51afd7ed558ccd, h ^= h >> 32;
  return static_cast<std::size_t>(h);
}

Inline::Inline(KernelBuilder& b, const Graph& graph, const Cluster& cluster, const Layouts& layouts, ScheduledKernel& out)
    : b_(b), graph_(&graph.data()), cluster_(cluster), layouts_(layouts), out_(out), known_(1) {
  out_.origins.clear();
  for (NodeId id : cluster.nodes) own(id);
  for (const Value& v : cluster.outputs) ++users_[v.node];
}

void Inline::own(NodeId id) {
  ordinals_[id] = static_cast<Ordinal>(std::min<std::size_t>(out_.origins.size(), 0xffff));
  out_.origins.push_back(graph_->node(id).provenance);
  std::set<NodeId> read;
  for (const Value& v : graph_->node(id).operands) read.insert(v.node);
  for (NodeId r : read) ++users_[r];
}

void Inline::compute_too(const std::vector<NodeId>& nodes) {
  for (NodeId id : nodes) own(id);
}

Inline::Key Inline::key(Value v, const IndexEnv& env, bool masked) const {
  Key key{(std::uint64_t{v.node} << 32) | v.output, masked && env.mask ? env.mask.id : kNone};
  for (const Dim& d : graph_->type(v).dims) {
    const Index& i = env.at(d.axis);
    key.push_back((std::uint64_t{i.base.id} << 32) | i.stride.id);
    key.push_back((static_cast<std::uint64_t>(i.multiple) << 8) | static_cast<std::uint64_t>(i.lanes));
  }
  return key;
}

bool Inline::scalar_at(Value v, const IndexEnv& env) const {
  const auto& dims = graph_->type(v).dims;
  return std::all_of(dims.begin(), dims.end(), [&](const Dim& d) { return env.at(d.axis).is_scalar(); });
}

Ex Inline::value(Value v, const IndexEnv& env) {
  // A scalar computed where no mask stood serves under any mask.
  const bool scalar = scalar_at(v, env);
  const Key bare = key(v, env, false), full = key(v, env, true);
  for (auto block = known_.rbegin(); block != known_.rend(); ++block) {
    if (const auto it = block->find(full); it != block->end()) return it->second;
    if (!scalar || !env.mask) continue;
    if (const auto it = block->find(bare); it != block->end()) return it->second;
  }
  Ex x;
  if (const auto d = definitions_.find(v); d != definitions_.end()) {
    x = d->second(env);
  } else if (const auto own = ordinals_.find(v.node); own != ordinals_.end()) {
    const Node& node = graph_->node(v.node);
    const LowerRow& row = lower_row(node.op);
    if (row.build == nullptr) throw InternalError("op '" + std::string(name(node.op)) + "' has no inline form and no definition");
    // Set before, not after: what the row writes, and above all an index it finds out of range, is this op's. Operands
    // computed on the way give the builder back as they found it.
    const Ordinal outer = b_.ordinal();
    b_.at(own->second);
    ++depth_;
    x = row.build(*this, node, v.output, env);
    --depth_;
    // What two nodes read is fixed here, so that it is computed once; maps of indices cost nothing to repeat.
    if ((let_every_op_ || users_[v.node] > 1) && cost_of(*graph_, node) > 0) x = b_.let(x);
    if (depth_ > 0) b_.at(outer);
  } else {
    x = load(v, env);
  }
  known_.back()[full] = x;
  return x;
}

Ex Inline::hoist(Value v, const IndexEnv& env) {
  const Ex x = b_.let(value(v, env));
  known_.back()[key(v, env, true)] = x;
  return x;
}

void Inline::define(Value v, Definition how) { definitions_[v] = std::move(how); }

Ex Inline::load(Value v, const IndexEnv& env) {
  const Index at = address(v, env);
  const BufferId id = buffer(v, false);
  Ex mask = env.mask;
  if (mask && at.is_scalar() && mask.type().lanes > 1) mask = b_.any(mask);
  if (mask && !at.is_scalar() && mask.type().lanes == 1) mask = b_.splat(mask, at.lanes);
  const Ex x = b_.load(id, lanes_of(at), mask);
  const DType d = graph_->type(v).dtype;
  return computing(d) == d ? x : b_.cast(x, computing(d));
}

void Inline::store(Value v, const IndexEnv& env, Ex x) {
  const Index at = address(v, env);
  const DType d = graph_->type(v).dtype;
  if (computing(d) != d) x = b_.cast(x, d);
  Ex mask = env.mask;
  if (at.is_scalar()) {
    if (mask && mask.type().lanes > 1) mask = b_.any(mask);
  } else {
    if (x.type().lanes == 1) x = b_.splat(x, at.lanes);
    if (mask && mask.type().lanes == 1) mask = b_.splat(mask, at.lanes);
  }
  this->at(v.node);
  const auto layout = layouts_.find(v);
  const std::int64_t* step = at.is_ramp() ? constant_of(at.stride) : nullptr;
  if (streams_cold_ && layout != layouts_.end() && layout->second.cold && !mask && step && *step == 1 && at.multiple % at.lanes == 0)
    b_.stream(buffer(v, true), lanes_of(at), x);
  else
    b_.store(buffer(v, true), lanes_of(at), x, mask);
}

Ex Inline::extent(const Extent& e) {
  if (const auto c = e.constant(); c && (*c == 1 || !sizes_are_arguments_)) return b_.integer(*c);
  return size(e);
}

Ex Inline::size(const Extent& e) {
  const auto it = extents_.find(e);
  if (it != extents_.end()) return it->second;
  out_.arguments.push_back(e);
  return extents_[e] = b_.argument(DType::i64);
}

Ex Inline::literal(const Literal& value, DType d) {
  if (!is_float(d)) return b_.integer(value.as_integer(), d);
  const double x = round_to(d, value.as_double());
  const double size = std::abs(x);
  if (x == 0 || size == 1 || size == 0.5 || size == 2) return b_.real(x, computing(d));
  for (const auto& [known, ex] : literals_)
    if (known.second == computing(d) && (known.first == Literal(x))) return ex;
  out_.arguments.push_back(Literal(x));
  const Ex ex = b_.argument(computing(d));
  literals_.push_back({{Literal(x), computing(d)}, ex});
  return ex;
}

Ex Inline::number(std::int64_t value) {
  for (const auto& [known, ex] : literals_)
    if (known.second == DType::i64 && known.first == Literal(value)) return ex;
  out_.arguments.push_back(Literal(value));
  const Ex ex = b_.argument(DType::i64);
  literals_.push_back({{Literal(value), DType::i64}, ex});
  return ex;
}

BufferId Inline::buffer(Value v, bool written) {
  const auto it = buffers_.find(v);
  if (it != buffers_.end()) return it->second;
  const DType d = graph_->type(v).dtype;
  const bool output = written || std::find(cluster_.outputs.begin(), cluster_.outputs.end(), v) != cluster_.outputs.end();
  out_.buffers.push_back(v);
  return buffers_[v] = output ? b_.output(d) : b_.input(d);
}

BufferId Inline::temporary(DType dtype, std::uint32_t number, bool written) {
  const Value v{kTemporary, number};
  const auto it = buffers_.find(v);
  if (it != buffers_.end()) return it->second;
  out_.buffers.push_back(v);
  return buffers_[v] = written ? b_.output(dtype) : b_.input(dtype);
}

namespace {

// Element strides of a value, by axis.
std::vector<std::pair<std::string, Extent>> strides_of(const Type& type, const Layouts& layouts, Value v) {
  const auto it = layouts.find(v);
  const AxisNames order = it == layouts.end() ? type.axes() : it->second.order;
  const Layout::Room* room = it != layouts.end() && it->second.room ? &*it->second.room : nullptr;
  std::vector<std::pair<std::string, Extent>> out;
  Extent stride = 1;
  for (auto axis = order.rbegin(); axis != order.rend(); ++axis) {
    out.push_back({*axis, stride});
    const Extent& length = room && room->axis == *axis ? room->extent : type.extent(*axis);
    if (!(length == Extent(0))) stride = stride * length;  // of nothing at all, no address is read
  }
  return out;
}

}  // namespace

Ex Inline::stride(Value v, const std::string& axis) {
  for (const auto& [name, stride] : strides_of(graph_->type(v), layouts_, v))
    if (name == axis) return extent(stride);
  throw InternalError("no stride along axis '" + axis + "'");
}

Index Inline::address(Value v, const IndexEnv& env) {
  Index at = Index::scalar(b_.integer(0));
  for (const auto& [axis, stride] : strides_of(graph_->type(v), layouts_, v)) {
    const Index& i = env.at(axis);
    if (const auto* c = i.is_scalar() ? constant_of(i.base) : nullptr; c && *c == 0) continue;
    at = i * extent(stride) + at;
  }
  return at;
}

void Inline::nested(const std::function<void()>& body) {
  known_.emplace_back();
  body();
  known_.pop_back();
}

void Inline::loop(Ex begin, Ex end, std::int64_t step, const std::function<void(Ex)>& body) {
  b_.loop(begin, end, step, [&](Ex i) { nested([&] { body(i); }); });
}

void Inline::branch(Ex condition, const std::function<void()>& then, const std::function<void()>& otherwise) {
  if (otherwise) b_.branch(condition, [&] { nested(then); }, [&] { nested(otherwise); });
  else b_.branch(condition, [&] { nested(then); });
}

Ex Inline::rounded(Ex x, DType d) { return computing(d) == d ? x : b_.cast(b_.cast(x, d), DType::f32); }

void Inline::at(NodeId node) {
  if (const auto own = ordinals_.find(node); own != ordinals_.end()) b_.at(own->second);
}

void Inline::fail(Ex condition, Ex index, const IndexEnv& env) {
  if (env.mask) {
    Ex mask = env.mask;
    if (condition.type().lanes == 1 && mask.type().lanes > 1) mask = b_.any(mask);
    condition = mask && condition;
  }
  b_.fail(condition, index);
}

}  // namespace uwaga::kernel
