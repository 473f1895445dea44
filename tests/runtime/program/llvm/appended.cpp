// What a slot holds of the past with new rows behind it is read where it lies: in the slot, once the rows are in it.
#include <uwaga/ir/composites/attention.h>
#include <uwaga/ir/error.h>
#include <uwaga/ir/update.h>
#include <uwaga/runtime/compiled/internal/backend.h>
#include <uwaga/runtime/compiled/internal/passes.h>

#include "tests/catch.h"
#include "tests/runtime/program/llvm/small_models.h"

using namespace uwaga;
using namespace uwaga::test;

namespace {

constexpr std::int64_t kPast = 5, kCapacity = 8;
const Axis kTime("time", 1), kHead("head", 2), kDepth("depth", 8), kSeen("key", kPast + 1), kSlot("key", kCapacity);

// Attention of one query over what two slots hold and a new row of each.
struct Decode {
  Axes axes = {kSlot, kHead, kDepth};  // of a slot
  Graph g = {};
  std::vector<Tensor> slots = {}, seen = {};
  Tensor out = attend();

  Tensor rows_of(const char* name) {
    const Tensor slot = slots.emplace_back(g.scope().state(name, axes, ones()));
    const Tensor row = order(g.input(name, f32, {{"key", 1}, kHead, kDepth}) * 0.5f, axes), before = slice(slot, kSlot, 0, kPast);
    update(slot, concat({before, row, slice(slot, kSlot, kPast + 1, kCapacity)}, kSlot));
    return seen.emplace_back(concat({before, row}, kSlot));
  }
  Tensor attend() {
    const Tensor keys = rows_of("keys"), values = rows_of("values");
    return attention(g.input("query", f32, {kTime, kHead, kDepth}), keys, values, {.query = kTime, .key = kSeen, .depth = kDepth});
  }
};

Array filled(std::initializer_list<Axis> axes, double start) {
  ArrayDims dims;
  for (const Axis& a : axes) dims.push_back({a.name, a.extent->evaluate({})});
  Array array(f32, dims);
  for (std::int64_t i = 0; i < array.elements(); ++i) array.set(i, start + 0.125 * static_cast<double>(i % 11));
  return array;
}
Arrays inputs() {
  const Axis one("key", 1);
  return {{"query", filled({kTime, kHead, kDepth}, -0.5)}, {"keys", filled({one, kHead, kDepth}, 0.25)}, {"values", filled({one, kHead, kDepth}, -1)}};
}

std::shared_ptr<Executable> executable_of(const Graph& g, bool in_place = true) {
  const auto backend = host_backend(1);
  KernelSet kernels;
  double fuse = 0, schedule = 0;
  return build_executable(lower_for_kernels(g), *backend, kernels, false, &fuse, &schedule, in_place);
}
// Of each copy into a slot: does a launch come after it?
std::vector<bool> before_launches(const Executable& e) {
  std::vector<bool> out;
  for (std::size_t i = 0; i < e.steps.size(); ++i) {
    const auto* c = std::get_if<Copy>(&e.steps[i]);
    if (c == nullptr || e.storages[static_cast<std::size_t>(c->to)].kind != Storage::Kind::slot) continue;
    CHECK(i >= e.first_commit);
    out.push_back(std::any_of(e.steps.begin() + static_cast<std::ptrdiff_t>(i), e.steps.end(),
                              [](const Step& s) { return std::holds_alternative<Launch>(s); }));
  }
  return out;
}
std::size_t launches(const Executable& e) {
  return static_cast<std::size_t>(std::count_if(e.steps.begin(), e.steps.end(), [](const Step& s) { return std::holds_alternative<Launch>(s); }));
}

Arrays two_runs(const Graph& g, const Target& target) {
  State state;
  Program p = compile(g, target, state);
  state.initialise(1, target);
  Arrays all = p.run(inputs());
  for (auto& [name, value] : p.run(inputs())) all["second." + name] = value;
  for (auto& [name, value] : all_slots(state)) all[name] = value;
  return all;
}

void expect_as_interpreted(const Graph& g) {
  const Arrays want = two_runs(g, Target::interpreter()), got = two_runs(g, Target::host(2));
  for (const auto& [name, value] : want) {
    INFO(name);
    const std::vector<double> a = got.at(name).to_doubles(), b = value.to_doubles();
    REQUIRE(a.size() == b.size());
    for (std::size_t i = 0; i < a.size(); ++i) CHECK(a[i] == Approx(b[i]).margin(1e-6));
  }
}

}  // namespace

TEST_CASE("rows are appended to a slot before it is read, and nothing is put together") {
  Decode d;
  d.g->add_output("out", d.out.value());
  const auto here = executable_of(d.g), apart = executable_of(d.g, false);
  CHECK(before_launches(*here) == std::vector<bool>{true, true});
  CHECK(before_launches(*apart) == std::vector<bool>{false, false});
  CHECK(launches(*here) + 2 == launches(*apart));
  expect_as_interpreted(d.g);
}

TEST_CASE("rows lie in pieces where their axis is not the slot's first, and every kernel reads them there") {
  const Axes order = GENERATE(Axes{kHead, kSlot, kDepth}, Axes{kHead, kDepth, kSlot}, Axes{kDepth, kHead, kSlot});
  Decode d{order};
  d.g->add_output("out", d.out.value());
  const Tensor weights = d.g.scope().state("weights", {kHead, kDepth, {"out", 5}}, ones()) * 0.5;
  d.g->add_output("product", dot(d.seen[0], weights, {kHead, kDepth}).value());
  // One index for rows of heads and keys, were they not apart.
  d.g->add_output("projected", dot(d.seen[0], sum(weights, {kHead}), {kDepth}).value());
  // Terms in one line of memory, were heads not apart.
  d.g->add_output("both", dot(d.seen[0], d.g.scope().state("both", {kHead, kSeen, {"out", 5}}, ones()), {kHead, kSeen}).value());
  d.g->add_output("weighted", dot(d.seen[1], d.seen[0], {kSeen}).value());
  CHECK(before_launches(*executable_of(d.g)) == std::vector<bool>{true, true});
  expect_as_interpreted(d.g);
}

TEST_CASE("what is read as one piece is put together") {
  Decode d{{kHead, kSlot, kDepth}};
  d.g->add_output("out", d.out.value());
  d.g->add_output("keys", d.seen[0].value());
  CHECK(before_launches(*executable_of(d.g)) == std::vector<bool>{true, false});
  expect_as_interpreted(d.g);
}

TEST_CASE("where something can fail later, or something else reads the slot, rows are appended at the end") {
  Decode may_fail;
  const Tensor ids = may_fail.g.input("ids", i32, {{"n", 1}});
  may_fail.g->add_output("out", gather(may_fail.out, ids, kHead).value());
  CHECK(before_launches(*executable_of(may_fail.g)) == std::vector<bool>{false, false});
  State state;
  Program p = compile(may_fail.g, Target::host(1), state);
  state.initialise(1, Target::host(1));
  Arrays given = inputs();
  given["ids"] = array({{"n", 1}}, std::vector<std::int32_t>{7});
  CHECK_THROWS_AS(p.run(given), Error);
  for (const auto& [name, value] : all_slots(state))
    for (double x : value.to_doubles()) CHECK(x == 1);

  Decode read;
  read.g->add_output("out", read.out.value());
  read.g->add_output("old", sum(read.slots[0], {kSlot}).value());
  CHECK(before_launches(*executable_of(read.g)) == std::vector<bool>{true, false});
}
