#include <uwaga/models/train_step.h>

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <numbers>
#include <optional>
#include <set>
#include <utility>

#include <uwaga/autodiff/autodiff.h>
#include <uwaga/ir/attributes.h>
#include <uwaga/ir/composites/optimisers.h>
#include <uwaga/ir/error.h>
#include <uwaga/ir/graph.h>
#include <uwaga/ir/initial.h>
#include <uwaga/ir/update.h>

namespace uwaga {
namespace {

const std::string kUnnamed = "optimiser";

// Is it what a product gives, as a weight's gradient mostly is?
bool is_product(const GraphData& g, Value v) {
  const Node& n = g.node(v.node);
  if (n.op == Op::dot) return true;
  const bool moves = n.op == Op::order || n.op == Op::rename || n.op == Op::tag || n.op == Op::cast;
  return moves && is_product(g, n.operands[0]);
}

// Of a product's squares those of 64 by 64 neighbours first, where they divide it: sums that its kernel can take on its way.
Tensor sum_of_squares(const Tensor& gradient) {
  constexpr std::int64_t kNeighbours = 64;
  const Tensor g = cast(gradient, DType::f32);
  Tensor squares = g * g;
  AxisNames names = g.type().axes();
  const auto divides = [&](const std::string& axis) { return g.type().extent(axis).divided_by(kNeighbours).has_value(); };
  const auto row = std::find_if(names.rbegin() + (names.empty() ? 0 : 1), names.rend(), divides);
  if (row != names.rend() && divides(names.back()) && is_product(g.graph().data(), g.value())) {
    const std::string last = names.back();
    Axes near;
    for (const std::string& axis : {*row, last}) {
      if (!(g.type().extent(axis) == Extent(kNeighbours))) squares = split(squares, axis, {axis + ".block", {axis, kNeighbours}});
      near.emplace_back(axis);
    }
    squares = sum(squares, near);
    names = squares.type().axes();
  }
  return sum(squares, Axes(names.begin(), names.end()));
}

// What AdamW and Sgd are both told.
struct Told {
  template <class Optimiser>
  explicit Told(const Optimiser& o) : rate(o.rate), clip(o.clip), schedule(o.schedule), rules(o.rules), name(o.name) {}
  double rate, clip;
  const RateSchedule& schedule;
  const PathRules& rules;
  const std::string& name;
};

// What every optimiser starts from: gradients, the factor that clips them, and this step's learning rate.
class Step {
 public:
  // `given`: the gradients, or null to take them.
  Step(const Tensor& loss, const Gradients* given, const Told& o, Here where)
      : graph_(loss.graph()), name_(o.name), rules_(o.rules), where_(graph_->origin(where)),
        guard_(graph_.data(), graph_->provenance().with_role(graph_->node(loss.value().node).provenance, Role::optimiser)) {
    check_name();
    second_ = graph_->output("grad_norm").has_value();
    check_rules();
    if (!is_float(loss.dtype()) || loss.type().rank() != 0)
      throw error(fmt::format("the loss is {} and has to be a floating scalar; take its mean or sum", loss.type().str()));
    std::vector<Tensor> wrt;
    for (const auto& [path, id] : graph_->parameters())
      if (graph_->node(id).as<ParameterAttrs>().trainable && !is_frozen(path)) {
        const Type& type = graph_->node(id).types[0];
        if (type.dtype != DType::f32)
          throw error(fmt::format("parameter '{}' is {}, and optimisers update f32; freeze it, or keep it in f32 and cast it where it is used", path, type.str()));
        paths_.push_back(path);
        wrt.emplace_back(graph_.shared(), Value{id, 0});
      }
    if (paths_.empty()) throw error("the graph has no trainable parameter to update");
    if (given) {
      for (const std::string& path : paths_) take(path, *given);
    } else {
      // Derivatives carry the lines of what they are derivatives of.
      const auto before = std::exchange(graph_->provenance_override, std::nullopt);
      const std::vector<Tensor> all = grad(loss, wrt, {}, where);
      graph_->provenance_override = before;
      for (std::size_t i = 0; i < all.size(); ++i) gradients_.emplace(paths_[i], all[i]);
    }
    const Scope scope = graph_.scope() / name_;
    const Tensor now = name_ == kUnnamed ? graph_.step() : scope.state("step", {}, zeros(), DType::i64);
    rate_ = set_at_run_time(scope, "rate", o.rate);
    if (o.schedule.steps > 0 || o.schedule.warm_up > 0) rate_ = *rate_ * factor(now, o.schedule);

    Tensor squares = constant(graph_, 0.0, DType::f32);
    for (const std::string& path : paths_) squares = squares + sum_of_squares(gradients_.at(path));
    norm_ = sqrt(squares);
    clip_ = constant(graph_, 1.0, DType::f32);
    if (o.clip > 0) clip_ = min(set_at_run_time(scope, "clip", o.clip) / (*norm_ + 1e-6), 1.0);
    count_ = cast(now, DType::f64) + 1.0;

    if (const auto named = graph_->output("loss"); !named || !is_same(*named, loss.value())) {
      if (named && !second_)
        throw error("it gives the loss out as 'loss', and the graph has another output of that name");
      give_out("loss", loss);
    }
    give_out("grad_norm", *norm_);
    give_out("rate", *rate_);
    update(name_ == kUnnamed ? "step" : scope.path_of("step"), now + 1);
    if (name_ != kUnnamed && graph_->parameters().contains("step")) {  // read, by random numbers as a rule
      const Tensor shared = graph_.step();
      if (updated(shared).value() == shared.value()) update("step", shared + 1);
    }
  }

  const std::vector<std::string>& paths() const { return paths_; }
  Tensor parameter(const std::string& path) const { return graph_.parameter(path); }
  const Tensor& gradient(const std::string& path) const { return gradients_.at(path); }
  // A slot of the optimiser beside a parameter, of its shape, starting at 0.
  Tensor moment(const std::string& path, const std::string& name) {
    const Type& t = parameter(path).type();
    // Equal slots share their first value: there are two of these for each parameter.
    for (const auto& [type, zero] : zeros_)
      if (type == t) {
        ParameterAttrs slot{moment_path(path, name), t, false, zero};
        return {graph_.shared(), {graph_->add(Op::parameter, std::move(slot), {}, origin()), 0}};
      }
    Axes axes;
    for (const Dim& d : t.dims) axes.emplace_back(d.axis, d.extent);
    const Tensor slot = (graph_.scope() / name_ / name).state(path, axes, zeros(), t.dtype);
    zeros_.emplace_back(t, graph_->node(slot.value().node).as<ParameterAttrs>().initial);
    return slot;
  }
  Tensor rate(const std::string& path) {
    double factor = 1;
    for (const auto& [pattern, f] : rules_.rate)
      if (matches(pattern, path)) factor = f;
    return factor == 1 ? *rate_ : *rate_ * factor;
  }
  double decay(const std::string& path, double decay) {
    const bool bias = path.size() >= 4 && path.compare(path.size() - 4, 4, "bias") == 0;
    return bias || parameter(path).type().rank() < 2 || any(rules_.no_decay, path) ? 0 : decay;
  }
  Tensor clip() const { return *clip_; }
  // 1 - beta^t with t counted from 1.
  Tensor correction(double beta) { return cast(1.0 - pow(full_like(*count_, beta), *count_), DType::f32); }
  void update(const std::string& path, const Tensor& value) { updates_.push_back({path, value.value()}); }
  void update_moment(const std::string& path, const std::string& name, const Tensor& value) {
    update(moment_path(path, name), value);
  }
  // The graph with its updates, in the order of the slots as a canonical graph has them.
  Graph finish() {
    std::sort(updates_.begin(), updates_.end(), [](const Update& a, const Update& b) { return a.path < b.path; });
    std::set<std::string> taken;
    for (const Update& u : graph_->updates()) taken.insert(u.path);
    for (const Update& u : updates_)
      if (taken.contains(u.path))
        throw error(fmt::format("'{}' has an update already; a slot takes one new value a run (.rules.freeze leaves a parameter alone)", u.path));
    for (Update& u : updates_) graph_->add_update(std::move(u.path), u.value);
    return graph_;
  }

 private:
  bool is_frozen(const std::string& path) const { return any(rules_.freeze, path) || (!rules_.only.empty() && !any(rules_.only, path)); }
  static bool any(const std::vector<std::string>& patterns, const std::string& path) {
    for (const std::string& p : patterns)
      if (matches(p, path)) return true;
    return false;
  }

  Error error(const std::string& what) const { return Error(fmt::format("{}: train_step: {}", graph_->provenance().brief(where_), what)); }
  // A value, or its name's tag.
  bool is_same(Value named, Value of) const {
    const Node& n = graph_->node(named.node);
    return named == of || (n.op == Op::tag && n.operands[0] == of);
  }
  void take(const std::string& path, const Gradients& given) {
    const auto it = given.find(path);
    if (it == given.end()) throw error(fmt::format("there is no gradient of '{}'; freeze it if that is meant", path));
    const Type &have = it->second.type(), &want = parameter(path).type();
    if (&it->second.data() != &graph_.data() || !same_type(have, want))
      throw error(fmt::format("the gradient of '{}' is {}, the parameter {}", path, have.str(), want.str()));
    gradients_.emplace(path, it->second);
  }

  std::string moment_path(const std::string& path, const std::string& moment) const { return fmt::format("{}.{}.{}", name_, moment, path); }
  // A slot with the line of train_step: compile names it where another program starts the slot at another number.
  Tensor set_at_run_time(const Scope& scope, const char* name, double start) const {
    const ProvenanceGuard guard(*scope.graph().shared(), graph_->provenance().with_role(where_, Role::optimiser));
    return scope.state(name, {}, constant_value(start));
  }
  // Under the name, or where the graph gives out another optimiser's, under this one's.
  void give_out(const std::string& name, const Tensor& value) {
    graph_->add_output(second_ && graph_->output(name) ? fmt::format("{}.{}", name_, name) : name, value.value());
  }

  void check_name() const {
    if (name_.empty()) throw error("the optimiser's .name is empty, and its slots begin with it");
    if (graph_->parameters().contains(name_ + ".rate"))
      throw error(fmt::format("the graph has an optimiser '{}' already; a second one takes a .name of its own", name_));
  }
  void check_rules() const {
    std::vector<std::pair<const char*, std::string>> rules;
    for (const std::string& pattern : rules_.only) rules.emplace_back("only", pattern);
    for (const std::string& pattern : rules_.freeze) rules.emplace_back("freeze", pattern);
    for (const std::string& pattern : rules_.no_decay) rules.emplace_back("no_decay", pattern);
    for (const auto& [pattern, factor] : rules_.rate) rules.emplace_back("rate", pattern);
    for (const auto& [rule, pattern] : rules) {
      bool found = false;
      for (const auto& [path, id] : graph_->parameters()) found = found || matches(pattern, path);
      if (found) continue;
      const auto& all = graph_->parameters();
      throw error(fmt::format("the pattern '{}' of {} matches no parameter{}", pattern, rule,
                              all.empty() ? "" : fmt::format("; the first of {} is '{}'", all.size(), all.begin()->first)));
    }
  }

  Tensor factor(const Tensor& now, const RateSchedule& s) {
    const Tensor t = cast(now, DType::f64);
    Tensor f = full_like(t, 1.0);
    if (s.steps > 0) {
      const double span = static_cast<double>(std::max<std::int64_t>(s.steps - s.warm_up, 1));
      const Tensor done = min((t - static_cast<double>(s.warm_up)) / span, 1.0);
      f = s.last + (1 - s.last) * 0.5 * (cos(done * std::numbers::pi) + 1.0);
    }
    if (s.warm_up > 0) {
      const auto warm = static_cast<double>(s.warm_up);
      f = select(t < warm, (t + 1.0) / warm, f);
    }
    return cast(f, DType::f32);
  }

  // What everything here is written with: the guard's.
  ProvenanceId origin() const { return *graph_->provenance_override; }

  Graph graph_;
  std::string name_;
  bool second_ = false;  // in the graph: another one's outputs are there
  PathRules rules_;
  ProvenanceId where_;  // train_step was called at
  ProvenanceGuard guard_;
  std::vector<std::string> paths_;
  std::map<std::string, Tensor> gradients_;
  std::vector<Update> updates_;
  std::vector<std::pair<Type, Graph>> zeros_;  // by type: first values of moments
  std::optional<Tensor> rate_, norm_, clip_, count_;
};

}  // namespace

bool matches(const std::string& pattern, const std::string& path) {
  // Greedy with one point to come back to: the last star.
  std::size_t p = 0, s = 0, star = std::string::npos, resume = 0;
  while (s < path.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      resume = s;
    } else if (p < pattern.size() && pattern[p] == path[s]) {
      ++p;
      ++s;
    } else if (star != std::string::npos) {
      p = star + 1;
      s = ++resume;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

namespace {

Graph with_adamw(Step step, const AdamW& o) {
  const Tensor correction1 = step.correction(o.beta1), correction2 = step.correction(o.beta2);
  SharedCalls shared;
  for (const std::string& path : step.paths()) {
    const AdamwStep next = adamw(shared, step.parameter(path), step.gradient(path), step.moment(path, "first"), step.moment(path, "second"),
                                 {step.rate(path), step.clip(), correction1, correction2}, o.beta1, o.beta2, o.epsilon,
                                 step.decay(path, o.decay));
    step.update(path, next.parameter);
    step.update_moment(path, "first", next.first);
    step.update_moment(path, "second", next.second);
  }
  return step.finish();
}

Graph with_sgd(Step step, const Sgd& o) {
  SharedCalls shared;
  for (const std::string& path : step.paths()) {
    const SgdStep next = sgd(shared, step.parameter(path), step.gradient(path), step.moment(path, "velocity"), step.rate(path), step.clip(),
                             o.momentum, step.decay(path, o.decay));
    step.update(path, next.parameter);
    step.update_moment(path, "velocity", next.velocity);
  }
  return step.finish();
}

}  // namespace

Graph train_step(const Tensor& loss, const AdamW& o, Here where) { return with_adamw({loss, nullptr, Told(o), where}, o); }
Graph train_step(const Tensor& loss, const Sgd& o, Here where) { return with_sgd({loss, nullptr, Told(o), where}, o); }
Graph train_step(const Tensor& loss, const Gradients& gradients, const AdamW& o, Here where) {
  return with_adamw({loss, &gradients, Told(o), where}, o);
}
Graph train_step(const Tensor& loss, const Gradients& gradients, const Sgd& o, Here where) {
  return with_sgd({loss, &gradients, Told(o), where}, o);
}

}  // namespace uwaga
