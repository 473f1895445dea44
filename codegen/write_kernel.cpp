#include <uwaga/codegen/write_kernel.h>

#include <fmt/format.h>

#include <algorithm>

#include <uwaga/codegen/schedule/loops.h>
#include <uwaga/ir/attributes.h>
#include <uwaga/ir/error.h>

namespace uwaga {

using kernel::Index;

const Element& Element::operator=(Ex value) const {
  call_->store(tensor_, at_, value);
  return *this;
}

// ---- tensors

const Type& KernelTensor::type() const { return call_->x_.graph().type(tensor_); }
AxisNames KernelTensor::layout() const { return schedule::order_of(call_->x_.graph(), call_->x_.layouts(), tensor_); }

Element KernelTensor::operator[](const At& at) const {
  for (const Dim& d : type().dims)
    if (!at.axes.contains(d.axis))
      throw Error(fmt::format("a tensor {} is read or written where axis '{}' has no index", type().str(), d.axis));
  kernel::Inline& x = call_->x_;
  return {*call_, tensor_, at, call_->is_result(tensor_) ? x.load(tensor_, at) : x.value(tensor_, at)};
}

Ex KernelTensor::extent(const Axis& axis) const {
  if (!type().has(axis.name)) throw Error(fmt::format("a tensor {} has no axis '{}'", type().str(), axis.name));
  return call_->x_.extent(type().extent(axis.name));
}
kernel::BufferId KernelTensor::buffer() const { return call_->x_.buffer(tensor_, call_->is_result(tensor_)); }
Ex KernelTensor::stride(const Axis& axis) const {
  extent(axis);
  return call_->x_.stride(tensor_, axis.name);
}

// ---- the call

const Options& KernelCall::options() const { return x_.graph().node(call_).as<CallAttrs>().options; }
int KernelCall::operands() const { return static_cast<int>(x_.graph().node(call_).operands.size()); }
int KernelCall::results() const { return static_cast<int>(x_.graph().node(call_).types.size()); }

KernelTensor KernelCall::operand(int i) {
  if (i < 0 || i >= operands()) throw Error(fmt::format("operand {} is asked for, and the call has {}", i, operands()));
  return {*this, x_.graph().node(call_).operands[static_cast<std::size_t>(i)]};
}
KernelTensor KernelCall::result(int i) {
  if (i < 0 || i >= results()) throw Error(fmt::format("result {} is asked for, and the call has {}", i, results()));
  return {*this, Value{call_, static_cast<std::uint32_t>(i)}};
}

DType KernelCall::dtype() const {
  const Node& n = x_.graph().node(call_);
  for (const Type& t : n.types)
    if (is_float(t.dtype)) return kernel::computing(t.dtype);
  for (const Value& v : n.operands)
    if (is_float(x_.graph().type(v).dtype)) return kernel::computing(x_.graph().type(v).dtype);
  return DType::f32;
}

Ex KernelCall::number(const std::string& name) {
  for (const auto& [key, value] : options())
    if (key == name) {
      if (const auto* whole = std::get_if<std::int64_t>(&value)) return x_.literal(Literal(static_cast<double>(*whole)), dtype());
      if (const auto* real = std::get_if<double>(&value)) return x_.literal(Literal(*real), dtype());
    }
  throw Error(fmt::format("its composite has no option '{}' that is a number", name));
}

Value KernelCall::widest(const AxisNames& axes) const {
  const Node& n = x_.graph().node(call_);
  std::vector<Value> all(n.operands.begin(), n.operands.end());
  for (std::uint32_t i = 0; i < n.types.size(); ++i) all.push_back({call_, i});
  const Value* best = nullptr;
  for (const Value& v : all) {
    const Type& t = x_.graph().type(v);
    if (std::all_of(axes.begin(), axes.end(), [&](const std::string& a) { return t.has(a); }) && (!best || t.rank() > x_.graph().type(*best).rank())) best = &v;
  }
  if (!best) throw Error(fmt::format("no operand and no result has {{{}}}", join(axes)));
  return *best;
}

Ex KernelCall::extent(const Axis& axis) { return x_.extent(x_.graph().type(widest({axis.name})).extent(axis.name)); }

void KernelCall::store(Value tensor, const At& at, Ex value) {
  if (!is_result(tensor)) {
    const ValueList& operands = x_.graph().node(call_).operands;
    throw Error(fmt::format("operand {} is stored to; only results are", std::find(operands.begin(), operands.end(), tensor) - operands.begin()));
  }
  x_.store(tensor, at, value);
}

At KernelCall::task(const Axes& axes) {
  At at;
  std::vector<schedule::LoopAxis> all;
  for (const Axis& a : axes) {
    const Extent& n = x_.graph().type(widest({a.name})).extent(a.name);
    if (n == Extent(1)) at.axes[a.name] = Index::scalar(builder().integer(0));
    else all.push_back({{a.name}, n});
  }
  const Ex task = builder().grid(x_.extent(schedule::product(all)));
  schedule::set_flat(x_, at, all, Index::scalar(task));
  return at;
}

void KernelCall::vectors(const Axes& axes, const At& at, const std::function<void(const At& i)>& body) {
  std::vector<schedule::LoopAxis> all;
  for (const Axis& a : axes) all.push_back({{a.name}, x_.graph().type(widest({a.name})).extent(a.name)});
  if (all.empty()) return body(at);
  const schedule::LoopAxis inner = all.back();
  all.pop_back();
  const auto along = [&](const At& outer) {
    schedule::vector_loop(x_, builder().integer(0), x_.extent(inner.extent), lanes(), [&](const Index& i, Ex mask) {
      At here = mask ? outer.masked(mask) : outer;
      here.axes[inner.axes[0]] = i;
      body(here);
    });
  };
  if (all.empty()) return along(at);
  x_.loop(builder().integer(0), x_.extent(schedule::product(all)), 1, [&](Ex flat) {
    At outer = at;
    schedule::set_flat(x_, outer, all, Index::scalar(flat));
    along(outer);
  });
}

void KernelCall::loop(const Axis& axis, const At& at, const std::function<void(const At& i)>& body) {
  x_.loop(builder().integer(0), extent(axis), 1, [&](Ex i) { body(at.with(axis.name, Index::scalar(i))); });
}

Ex KernelCall::variable(const At& at, double value) {
  int lanes = 1;
  for (const auto& [axis, index] : at.axes) lanes = std::max(lanes, index.lanes);
  return builder().variable(builder().splat(builder().real(value, dtype()), lanes));
}

// ---- writers

KernelWriter each_element_of(std::function<std::vector<Ex>(KernelCall& call, const Lanes& operands)> body) {
  return [body](KernelCall& call) {
    const Type space = call.result(0).type();
    for (int i = 0; i < call.results(); ++i)
      if (!same_axes(call.result(i).type(), space))
        throw Error(fmt::format("each_element wants results of the same axes; there are {} and {}", space.str(), call.result(i).type().str()));
    for (int i = 0; i < call.operands(); ++i)
      for (const Dim& d : call.operand(i).type().dims)
        if (!space.has(d.axis)) throw Error(fmt::format("each_element: operand {} is {}, and no result has axis '{}'", i, call.operand(i).type().str(), d.axis));
    call.each_element([&](const At& at) {
      Lanes operands;
      for (int i = 0; i < call.operands(); ++i) operands.push_back(call.operand(i)[at]);
      std::vector<Ex> results = body(call, operands);
      if (static_cast<int>(results.size()) != call.results())
        throw Error(fmt::format("it gives {} results, and the call has {}", results.size(), call.results()));
      // Every result before any store: a result may lie where an emitter cannot prove that no operand does.
      if (results.size() > 1)
        for (Ex& r : results) r = call.builder().let(r);
      for (int i = 0; i < call.results(); ++i) call.result(i)[at] = results[static_cast<std::size_t>(i)];
    });
  };
}

KernelWriter each_row(Axes over, std::function<void(KernelCall& call, Row& row)> body) {
  return [over = std::move(over), body = std::move(body)](KernelCall& call) { call.each_row(over, [&](Row& row) { body(call, row); }); };
}

}  // namespace uwaga
