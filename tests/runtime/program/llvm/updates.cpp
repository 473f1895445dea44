// Updates read the old values of all slots, however they are stored: in place where that is proved safe, by copies elsewhere.
#include <uwaga/autodiff/autodiff.h>
#include <uwaga/ir/update.h>

#include "tests/catch.h"
#include "tests/runtime/program/llvm/slots.h"

using namespace uwaga;
using namespace uwaga::test;

namespace {

constexpr std::int64_t kLength = 37;
const Axis n{"n", kLength}, m{"m", 5};

struct Slots {
  Graph g;
  Tensor a = g.scope().state("a", {n}, ones()), b = g.scope().state("b", {n}, ones()), c = g.scope().state("c", {n}, ones());
  void update(const char* path, const Tensor& value) { g->add_update(path, value.value()); }
  void output(const char* name, const Tensor& value) { g->add_output(name, value.value()); }
};

}  // namespace

TEST_CASE("AdamW's parameters and moments are written in place") {
  for (const Graph& step : {small_gpt2_step(), small_llama_step()}) {
    const auto e = executable_of(step);
    std::map<int, std::string> slot;  // by storage
    for (std::size_t i = 0; i < e->storages.size(); ++i)
      if (e->storages[i].kind == Storage::Kind::slot) slot[static_cast<int>(i)] = e->slots[static_cast<std::size_t>(e->storages[i].index)];
    int copied = 0;
    for (const Step& s : e->steps)
      if (const auto* c = std::get_if<Copy>(&s))
        if (slot.count(c->to)) {
          INFO(slot.at(c->to));
          CHECK(e->storages[static_cast<std::size_t>(c->to)].elements == Extent(1));  // counters only
          ++copied;
        }
    CHECK(copied <= 2);
    CHECK(slot.size() > 60);
    for (std::size_t i = 0; i < e->first_commit; ++i)
      if (const auto* c = std::get_if<Copy>(&e->steps[i])) CHECK(!slot.count(c->to));
  }
}

TEST_CASE("an update of its own slot is in place") {
  Slots s;
  s.update("a", s.a * 0.5f + 1.0f);
  CHECK(slot_copies(s.g) == 0);
  agrees(s.g);
}

TEST_CASE("two slots change places") {
  Slots s;
  s.update("a", s.b);
  s.update("b", s.a);
  agrees(s.g);
}

TEST_CASE("three slots change places through arithmetic") {
  Slots s;
  s.update("a", s.b * 2.0f);
  s.update("b", s.c + 1.0f);
  s.update("c", s.a - 3.0f);
  agrees(s.g);
}

TEST_CASE("two slots of unlike order read each other") {
  Graph g;
  const Tensor a = g.scope().state("a", {n, m}, ones()), b = g.scope().state("b", {m, n}, ones());
  g->add_update("a", (a + b * 0.5f).value());
  g->add_update("b", (b - a * 0.25f).value());
  agrees(g);
}

TEST_CASE("one slot is read by two updates") {
  Slots s;
  s.update("a", s.a * 0.5f);
  s.update("b", s.b + s.a);
  agrees(s.g);
}

TEST_CASE("a slot is read shifted, reversed and summed by the update of another") {
  Slots s;
  s.update("a", s.a + reverse(s.a, n));
  s.update("b", s.b + sum(s.a, {n}));
  s.update("c", pad(slice(s.c, n, 1, kLength), Axis{"n"}, 0, 1) + s.b);
  agrees(s.g);
}

TEST_CASE("an update takes a matrix product with its own slot") {
  Graph g;
  const Axis k{"k", 21};
  const Tensor w = g.scope().state("w", {k, m}, ones()), x = g.input("x", f32, {n, k});
  const Tensor y = dot(x, w, {k});
  g->add_update("w", (w - dot(x, y, {n}) * 0.001f).value());
  agrees(g, {{"x", ramp(-1, 0.001, Type{f32, {{"n", kLength}, {"k", 21}}})}});
}

TEST_CASE("an update that several kernels compute is in place where only the last one writes") {
  // A few rows by a short matrix of many terms: blocks of them are summed by one kernel and joined by another.
  const Axis in("in", 1030), out("out", 48);
  Graph g;
  g.scope().state("z", {out}, ones());
  const Tensor w = g.scope().state("w", {in, out}, ones());
  g->add_update("z", dot(g.input("x", f32, {in}), w, {in}).value());
  CHECK(slot_copies(g) == 0);
  agrees(g, {{"x", ramp(-1, 0.001953125, Type(f32, {{"in", 1030}}))}});
}

TEST_CASE("an update is an input") {
  Slots s;
  s.update("a", s.g.input("x", f32, {n}));
  agrees(s.g, {{"x", ramp(5, 1, Type{f32, {{"n", kLength}}})}});
}

TEST_CASE("an update is a slot's own value") {
  Slots s;
  s.update("a", s.a);
  s.update("b", s.b + s.a);
  agrees(s.g);
}

TEST_CASE("two slots take one value") {
  Slots s;
  const Tensor next = s.a + s.b;
  s.update("a", next);
  s.update("b", next);
  agrees(s.g);
}

TEST_CASE("an update is read by another update and by an output") {
  Slots s;
  const Tensor next = s.a * 0.5f;
  s.update("a", next);
  s.update("b", s.b + next);
  s.output("next", next + 1.0f);
  agrees(s.g);
}

TEST_CASE("averages of what AdamW leaves are written in place with it, and leave its bits alone") {
  Graph g = small_gpt2_step();
  const std::vector<std::string> averaged = {"wte", "ln_f.weight"};
  for (const std::string& path : averaged) {
    const Tensor w = g.parameter(path), average = g.scope().state("average." + path, w, zeros());
    update(average, average * 0.5f + updated(w) * 0.5f);
  }
  CHECK(slot_copies(g) == 0);
  const SmallRun got = train_small(g, Target::host(3)), plain = train_small(small_gpt2_step(), Target::host(1));
  for (const auto& [path, value] : plain.slots) CHECK(got.slots.at(path) == value);
  CHECK(got.digest == train_small(g, Target::host(1)).digest);
  const Arrays once = train_small(g, Target::host(1), 1).slots;
  for (const std::string& path : averaged)
    for (std::int64_t i = 0; i < once.at(path).elements(); ++i) CHECK(once.at("average." + path).at(i) == once.at(path).at(i) * 0.5);
}

TEST_CASE("an output is an update, a slot, an input, a constant, and another output") {
  Slots s;
  const Tensor x = s.g.input("x", f32, {n}), next = s.a * 2.0f + x;
  s.update("a", next);
  s.output("next", next);
  s.output("again", next);
  s.output("slot", s.a);
  s.output("slot again", s.a);
  s.output("input", x);
  s.output("constant", constant(s.g, 3.5, f32));
  s.output("table", constant(s.g, {1.0, 2.0, 4.0}, f32, {Axis{"three", 3}}));
  s.output("other way round", order(outer(x, constant(s.g, {1.0, 2.0}, f32, {Axis{"two", 2}})), {Axis{"two"}, n}));
  agrees(s.g, {{"x", ramp(5, 1, Type{f32, {{"n", kLength}}})}});
}

TEST_CASE("updates are a constant, a table and an iota") {
  Graph g;
  const Axis three{"three", 3};
  const Scope s = g.scope();
  s.state("a", {}, ones());
  s.state("b", {three}, ones());
  const Tensor c = s.state("c", {n}, ones());
  g->add_update("a", constant(g, 2.5, f32).value());
  g->add_update("b", constant(g, {1.0, 2.0, 4.0}, f32, {three}).value());
  g->add_update("c", cast(iota(c, n), f32).value());
  agrees(g);
}

TEST_CASE("a table of constants is read by kernels, by two of one shape") {
  Slots s;
  std::vector<Literal> up, down;
  for (int i = 0; i < kLength; ++i) {
    up.emplace_back(i * 0.5);
    down.emplace_back(-i * 0.25);
  }
  s.output("up", s.a * constant(s.g, up, f32, {n}));
  s.output("down", s.a * constant(s.g, down, f32, {n}));
  s.update("a", s.a + gather(constant(s.g, up, f32, {n}), s.g.input("at", i32, {}), n));
  agrees(s.g, {{"at", Array(std::int32_t{3})}});
}

TEST_CASE("a slot takes what a scan leaves, while others read what it was") {
  Slots s;
  const Tensor x = s.g.input("x", f32, {Axis{"time"}, n});
  const ScanResult r = scan(Axis{"time"}, {s.b}, {x}, [](const std::vector<Tensor>& c, const std::vector<Tensor>& in, Tensor) {
    const Tensor next = c[0] * 0.5f + in[0];
    return ScanStep{{next}, {}};
  });
  s.update("a", r.carries[0]);  // the scan itself does not read a
  s.output("old", s.a * 3.0f + r.carries[0]);
  s.update("b", s.a);
  agrees(s.g, {{"x", ramp(0, 0.125, Type{f32, {{"time", 4}, {"n", kLength}}})}});
}

TEST_CASE("a scan passes carries through, exchanges them and hands out what it was given") {
  Slots s;
  const Tensor x = s.g.input("x", f32, {Axis{"time"}, n});
  const ScanResult r = scan(Axis{"time"}, {s.a, s.b, s.c}, {x}, [&](const std::vector<Tensor>& c, const std::vector<Tensor>& in, Tensor) {
    return ScanStep{{c[1], c[0], c[2]}, {in[0], c[0], s.a}};
  });
  s.update("a", r.carries[0]);
  s.update("b", r.carries[1]);
  s.update("c", r.carries[2]);
  for (int i = 0; i < 3; ++i) s.output(("stack" + std::to_string(i)).c_str(), r.outputs[static_cast<std::size_t>(i)]);
  for (std::int64_t length : {0, 1, 2, 3, 8}) {
    INFO("length " << length);
    agrees(s.g, {{"x", ramp(0, 0.125, Type{f32, {{"time", length}, {"n", kLength}}})}});
  }
}

TEST_CASE("a cond writes a slot either way") {
  Slots s;
  const Tensor which = s.g.input("which", boolean, {});
  const auto r = cond(which, {s.a, s.b}, [](const std::vector<Tensor>& x) { return std::vector<Tensor>{x[1], x[0]}; },
                      [](const std::vector<Tensor>& x) { return std::vector<Tensor>{x[0] * 2.0f, x[0]}; });
  s.update("a", r[0]);
  s.update("b", r[1]);
  for (bool taken : {false, true}) agrees(s.g, {{"which", Array(taken)}});
}

TEST_CASE("What a few tokens teach a large table is never stored as large as the table, and teaches it in place") {
  const Axis vocab{"vocab", 70000}, width{"width", 16}, token{"token"};
  Graph g;
  const Tensor table = g.scope().param("table", {vocab, width}, ones());
  const Tensor rows = gather(table, g.input("tokens", i32, {token}), vocab);
  const Graph step = train_step(sum(rows * rows, {token, width}), AdamW{});
  const auto e = executable_of(step);
  int large = 0;
  for (const Storage& s : e->storages) {
    const auto n = s.elements.constant();
    if (s.kind != Storage::Kind::slot && n && *n >= 70000 * 16) ++large;
  }
  CHECK(large == 0);
  Array tokens(i32, {{"token", 6}});
  for (std::int64_t i = 0; const std::int64_t t : {5, 69999, 0, 5, 5, 12}) tokens.set_integer(i++, t);
  agrees(step, {{"tokens", tokens}});
}
