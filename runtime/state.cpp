#include <uwaga/runtime/state.h>

#include <fmt/format.h>

#include <algorithm>

#include <uwaga/ir/attributes.h>
#include <uwaga/ir/error.h>
#include <uwaga/ir/nearest.h>
#include <uwaga/runtime/program.h>
#include <uwaga/runtime/program/internal/state_data.h>

namespace uwaga {
namespace {


}  // namespace

Array Slot::copy() const {
  if (!away_) return Array::from_bytes(value_.dtype(), value_.dims(), {value_.data(), value_.bytes()});
  ArrayDims dims;
  for (const Dim& d : type.dims) dims.push_back({d.axis, d.extent.evaluate({})});
  Array out(type.dtype, std::move(dims));
  away_->download(out.mutable_data(), out.bytes());
  return out;
}

Array& Slot::at_home() {
  if (away_) set(copy());
  return value_;
}

void* Slot::in(TargetMemories& memories) {
  if (away_ && away_->where() == memories.where()) return away_->address();
  const Array& home = at_home();
  auto memory = memories.allocate(home.bytes(), "a parameter of type " + type.str());
  memory->upload(home.data(), home.bytes());
  away_ = std::move(memory);
  value_ = Array();
  return away_->address();
}

void Slot::set(Array value) {
  value_ = std::move(value);
  away_.reset();
  has_value = true;
}

StateData::Lock::Lock(StateData& state) : state_(state) {
  if (state.busy_.exchange(true, std::memory_order_acquire))
    throw Error("this state is in use by a program that is running; wait for it to return");
}

void StateData::declare(const Graph& graph) {
  for (const auto& [path, node] : graph->parameters()) {
    const auto& a = graph->node(node).as<ParameterAttrs>();
    const auto [it, fresh] = slots_.try_emplace(path);
    if (!fresh) {
      if (!(it->second.type == a.type))
        throw Error(fmt::format("parameter '{}' is {} in this program and {} in the state", path, a.type.str(), it->second.type.str()));
      continue;
    }
    it->second.type = a.type;
    it->second.trainable = a.trainable;
    it->second.initial = a.initial;
  }
}

Slot& StateData::slot(const std::string& path) {
  const auto it = slots_.find(path);
  if (it != slots_.end()) return it->second;
  std::vector<std::string> names;
  for (const auto& [name, slot] : slots_) names.push_back(name);
  throw Error(fmt::format("the state has no '{}'{}", path, nearest_names(path, names)));
}

std::shared_ptr<ThreadPool> StateData::threads(int count) {
  const std::lock_guard lock(starting_);
  std::weak_ptr<ThreadPool>& known = threads_[count];
  std::shared_ptr<ThreadPool> pool = known.lock();
  if (!pool) known = pool = std::make_shared<ThreadPool>(count);
  return pool;
}

State::State() : data_(std::make_shared<StateData>()) {}

std::vector<std::string> State::names() const {
  std::vector<std::string> names;
  for (const auto& [path, slot] : data_->slots()) names.push_back(path);
  return names;
}

bool State::has(const std::string& path) const { return data_->slots().count(path) > 0; }
bool State::trainable(const std::string& path) const { return data_->slot(path).trainable; }
Type State::type(const std::string& path) const { return data_->slot(path).type; }

Array State::get(const std::string& path) const {
  const Slot& slot = data_->slot(path);
  if (!slot.has_value) throw Error(fmt::format("'{}' has no value yet; initialise or load the state first", path));
  return slot.copy();
}

void State::set(const std::string& path, const Array& value) {
  const StateData::Lock lock(*data_);
  Slot& slot = data_->slot(path);
  Array given = value.matched(slot.type.dtype);
  if (!same_type(given.type(), slot.type)) throw Error(fmt::format("'{}' is {}; it cannot be set to {}", path, slot.type.str(), given.str()));
  given = given.reordered(slot.type.axes());
  slot.set(Array::from_bytes(given.dtype(), given.dims(), {given.data(), given.bytes()}));
}

bool State::initialised() const {
  return std::all_of(data_->slots().begin(), data_->slots().end(), [](const auto& s) { return s.second.has_value; });
}

void State::initialise(std::int64_t seed, const Target& target) {
  const StateData::Lock lock(*data_);
  if (data_->slots().empty()) return;  // a program without parameters
  // One graph computes every slot; slots of one shape share a kernel.
  Graph all;
  std::map<std::string, const Slot*> in_order;
  for (const auto& [path, slot] : data_->slots()) in_order[path] = &slot;
  const NodeId given = all->add(Op::input, InputAttrs{"seed", Type{DType::i64, {}}}, {},
                                all->provenance().single("initialise", 1, 0));
  for (const auto& [path, slot] : in_order) {
    const Graph& from = slot->initial;
    std::vector<NodeId> map(static_cast<std::size_t>(from->size()));
    for (NodeId id = 0; id < map.size(); ++id) {
      const Node& n = from->node(id);
      if (n.op == Op::input) {
        map[id] = given;
        continue;
      }
      std::vector<Value> operands;
      for (Value v : n.operands) operands.push_back({map[v.node], v.output});
      map[id] = all->add(n.op, n.attributes, std::move(operands), all->provenance().import(from->provenance(), n.provenance));
    }
    const Value out = from->outputs()[0].value;
    all->add_output(path, {map[out.node], out.output});
  }
  State none;
  Arrays values = compile(all, target, none).run({{"seed", Array(seed)}});
  for (auto& [path, slot] : data_->slots()) {
    // The output's own memory becomes the slot's: a model's parameters are never there twice.
    slot.set(values.extract(path).mapped().reordered(slot.type.axes()));
  }
}

}  // namespace uwaga
