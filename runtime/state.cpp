#include <uwaga/runtime/state.h>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include <uwaga/ir/attributes.h>
#include <uwaga/ir/error.h>
#include <uwaga/ir/nearest.h>
#include <uwaga/runtime/program.h>
#include <uwaga/runtime/program/internal/state_data.h>

namespace uwaga {
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

namespace {

// What a scalar of scope.state starts at, where that is a constant.
std::optional<double> start_of(const Type& type, bool trainable, const Graph& initial) {
  if (trainable || type.rank() != 0) return std::nullopt;
  const Node& value = initial->node(initial->outputs()[0].value.node);
  if (value.op != Op::constant) return std::nullopt;
  return round_to(type.dtype, value.as<ConstantAttrs>().values[0].as_double());
}

// Numbers as they are written in programs: an f32 as the shortest that gives it.
std::string number(const Type& type, double value) {
  return type.dtype == DType::f32 ? fmt::format("{}", static_cast<float>(value)) : fmt::format("{}", value);
}

[[noreturn]] void throw_in_use() { throw Error("this state is in use by a program that is running; wait for it to return"); }

}  // namespace

StateData::Lock::Lock(StateData& state) : state_(state) {
  for (int users = 0; !state.users_.compare_exchange_weak(users, kWritten, std::memory_order_acquire); users = 0) {
    if (users == kWritten) throw_in_use();
    if (users > 0) state.users_.wait(users);
  }
}

StateData::Reading::Reading(StateData& state) : state_(state) {
  int users = state.users_.load();
  do {
    if (users == kWritten) throw_in_use();
  } while (!state.users_.compare_exchange_weak(users, users + 1, std::memory_order_acquire));
}

void StateData::declare(const Graph& graph) {
  const std::lock_guard lock(declaring_);
  for (const auto& [path, node] : graph->parameters()) {
    const auto known = slots_.find(path);
    if (known == slots_.end()) continue;
    const auto& a = graph->node(node).as<ParameterAttrs>();
    const Slot& slot = known->second;
    if (!(slot.type == a.type))
      throw Error(fmt::format("parameter '{}' is {} in this program and {} in the state", path, a.type.str(), slot.type.str()));
    const auto here = start_of(a.type, a.trainable, a.initial), there = start_of(slot.type, slot.trainable, slot.initial);
    if (here && there && *here != *there && !(std::isnan(*here) && std::isnan(*there)))
      throw Error(fmt::format("{}: '{}' starts at {} in this program and at {} in the state: declare {} here too and call state.set(\"{}\", {}), "
                              "or give it a path of its own (.name of an optimiser)",
                              graph->provenance().brief(graph->node(node).provenance), path, number(a.type, *here), number(a.type, *there),
                              number(a.type, *there), path, number(a.type, *here)));
  }
  for (const auto& [path, node] : graph->parameters()) {
    const auto [it, fresh] = slots_.try_emplace(path);
    if (!fresh) continue;
    const auto& a = graph->node(node).as<ParameterAttrs>();
    it->second.type = a.type;
    it->second.trainable = a.trainable;
    it->second.initial = a.initial;
  }
}

Slot* StateData::find(const std::string& path) {
  const std::lock_guard lock(declaring_);
  const auto it = slots_.find(path);
  return it == slots_.end() ? nullptr : &it->second;
}

Slot& StateData::slot(const std::string& path) {
  if (Slot* found = find(path)) return *found;
  const std::lock_guard lock(declaring_);
  std::vector<std::string> names;
  for (const auto& [name, slot] : slots_) names.push_back(name);
  throw Error(fmt::format("the state has no '{}'{}", path, nearest_names(path, names)));
}

Slot& StateData::filled(const std::string& path) {
  Slot& found = slot(path);
  if (found.has_value) return found;
  const auto all = slots();
  const bool none = std::none_of(all.begin(), all.end(), [&](const auto& s) { return s.second->has_value && !is_cache(s.first); });
  throw Error(fmt::format("'{}' has no value yet; {}", path,
                          none ? "initialise or load the state first"
                               : "state.initialise_missing(seed) gives first values to such slots alone, or load the state"));
}

std::map<std::string, Slot*> StateData::slots() {
  const std::lock_guard lock(declaring_);
  std::map<std::string, Slot*> all;
  for (auto& [path, slot] : slots_) all.emplace_hint(all.end(), path, &slot);
  return all;
}

void StateData::set(const std::string& path, const Array& value) {
  Slot& to = slot(path);
  Array given = value.matched(to.type.dtype);
  if (!same_type(given.type(), to.type)) throw Error(fmt::format("'{}' is {}; it cannot be set to {}", path, to.type.str(), given.str()));
  given = given.reordered(to.type.axes());
  to.set(Array::from_bytes(given.dtype(), given.dims(), {given.data(), given.bytes()}));
  void_claims();
}

void StateData::declare_caches(const std::vector<std::string>& paths) {
  const std::lock_guard lock(declaring_);
  for (const std::string& path : paths) caches_.try_emplace(path, 0);
}

bool StateData::is_cache(const std::string& path) {
  const std::lock_guard lock(declaring_);
  return caches_.contains(path);
}

std::uint64_t StateData::claim(const std::vector<std::string>& caches) {
  const std::lock_guard lock(declaring_);
  ++claims_;
  for (const std::string& path : caches) caches_.at(path) = claims_;
  return claims_;
}

bool StateData::claimed(const std::vector<std::string>& caches, std::uint64_t by) {
  const std::lock_guard lock(declaring_);
  return std::all_of(caches.begin(), caches.end(), [&](const std::string& path) { return caches_.at(path) == by; });
}

void StateData::void_claims() {
  const std::lock_guard lock(declaring_);
  for (auto& [path, by] : caches_) by = 0;
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

bool State::has(const std::string& path) const { return data_->find(path) != nullptr; }
bool State::trainable(const std::string& path) const { return data_->slot(path).trainable; }
Type State::type(const std::string& path) const { return data_->slot(path).type; }

Array State::get(const std::string& path) const {
  const StateData::Reading reading(*data_);
  return data_->filled(path).copy();
}

void State::set(const std::string& path, const Array& value) {
  const StateData::Lock lock(*data_);
  data_->set(path, value);
}

bool State::initialised() const {
  const auto slots = data_->slots();
  return std::all_of(slots.begin(), slots.end(), [](const auto& s) { return s.second->has_value.load(); });
}

void StateData::initialise(const std::map<std::string, Slot*>& slots, std::int64_t seed, const Target& target) {
  if (slots.empty()) return;
  // One graph computes every slot; slots of one shape share a kernel.
  Graph all;
  const NodeId given = all->add(Op::input, InputAttrs{"seed", Type{DType::i64, {}}}, {},
                                all->provenance().single("initialise", 1, 0));
  for (const auto& [path, slot] : slots) {
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
  for (const auto& [path, slot] : slots) {
    // The output's own memory becomes the slot's: a model's parameters are never there twice.
    slot->set(values.extract(path).mapped().reordered(slot->type.axes()));
  }
  void_claims();
}

void State::initialise(std::int64_t seed, const Target& target) {
  const StateData::Lock lock(*data_);
  data_->initialise(data_->slots(), seed, target);
}

void State::initialise_missing(std::int64_t seed, const Target& target) {
  const StateData::Lock lock(*data_);
  auto slots = data_->slots();
  std::erase_if(slots, [](const auto& s) { return s.second->has_value.load(); });
  data_->initialise(slots, seed, target);
}

}  // namespace uwaga
