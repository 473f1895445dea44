// The emitter, kernel by kernel: the emulated kernel against the kernel interpreter, byte for byte.
#include <cmath>
#include <cstring>
#include <functional>
#include <random>

#include <uwaga/codegen/cuda/emit.h>
#include <uwaga/codegen/kernel/build.h>
#include <uwaga/codegen/kernel/interpret.h>
#include <uwaga/codegen/kernel/math.h>
#include <uwaga/codegen/kernel/verify.h>
#include <uwaga/ir/error.h>
#include <uwaga/runtime/cuda/emulate.h>
#include <uwaga/runtime/cuda/nvrtc.h>
#include <uwaga/runtime/io/file.h>

#include "tests/catch.h"

namespace uwaga::test {
namespace {

using namespace uwaga::kernel;

constexpr std::int64_t kCount = 256;
constexpr DType kComputed[] = {DType::f64, DType::f32, DType::i64, DType::i32, DType::i8, DType::u8};

struct Run {
  Kernel kernel;
  std::string what;
};

// Elementwise over kCount elements, `lanes` a task: out[i] = body(in0[i], in1[i], in2[i]).
Run over(const std::string& what, DType in, int lanes, const std::function<Ex(KernelBuilder&, Ex, Ex, Ex)>& body) {
  KernelBuilder b("test");
  const BufferId x = b.input(in), y = b.input(in), z = b.input(in);
  const Ex at = b.let(b.ramp(b.grid(b.integer(kCount / lanes)) * lanes, lanes));
  const Ex value = body(b, b.load(x, at), b.load(y, at), b.load(z, at));
  const BufferId out = b.output(value.type().dtype);
  b.store(out, at, value);
  return {expand_math(b.finish()), what};
}

std::vector<Run> elementwise_kernels() {
  std::vector<Run> out;
  const auto add = [&](std::string what, DType d, int lanes, const std::function<Ex(KernelBuilder&, Ex, Ex, Ex)>& body) {
    out.push_back(over(what + " of " + std::string(name(d)) + " in " + std::to_string(lanes), d, lanes, body));
  };
  for (DType d : kComputed)
    for (int lanes : {1, 4}) {
      for (Op op : {Op::add, Op::sub, Op::mul, Op::max, Op::min, Op::eq, Op::lt})
        add(std::string(name(op)), d, lanes, [op](KernelBuilder& b, Ex x, Ex y, Ex) { return b.apply(op, {x, y}); });
      for (Op op : {Op::neg, Op::abs, Op::floor})
        add(std::string(name(op)), d, lanes, [op](KernelBuilder& b, Ex x, Ex, Ex) { return b.apply(op, {x}); });
      add("div", d, lanes, [](KernelBuilder& b, Ex x, Ex y, Ex) { return b.apply(Op::div, {x, y}); });
      if (!is_float(d)) {
        add("rem", d, lanes, [](KernelBuilder& b, Ex x, Ex y, Ex) { return b.apply(Op::rem, {x, y}); });
        add("div by 8", d, lanes, [d](KernelBuilder& b, Ex x, Ex, Ex) { return b.apply(Op::div, {x, b.integer(8, d)}); });
        add("rem by 8", d, lanes, [d](KernelBuilder& b, Ex x, Ex, Ex) { return b.apply(Op::rem, {x, b.integer(8, d)}); });
        for (ExprKind kind : {ExprKind::bit_and, ExprKind::bit_or, ExprKind::bit_xor})
          add("bits", d, lanes, [kind](KernelBuilder& b, Ex x, Ex y, Ex) { return b.bits(kind, x, y); });
        for (ExprKind kind : {ExprKind::shift_left, ExprKind::shift_right})
          add("shift", d, lanes, [kind, d](KernelBuilder& b, Ex x, Ex y, Ex) { return b.bits(kind, x, b.bits(ExprKind::bit_and, y, b.integer(7, d))); });
        if (d == DType::i32) add("mul_high", d, lanes, [](KernelBuilder& b, Ex x, Ex y, Ex) { return b.bits(ExprKind::mul_high, x, y); });
      } else {
        add("fma", d, lanes, [](KernelBuilder& b, Ex x, Ex y, Ex z) { return b.fma(x, y, z); });
        add("sqrt", d, lanes, [](KernelBuilder& b, Ex x, Ex, Ex) { return b.apply(Op::sqrt, {x}); });
        for (Op op : {Op::exp, Op::tanh, Op::log, Op::erf, Op::sigmoid, Op::rsqrt, Op::sin})
          add(std::string(name(op)), d, lanes, [op](KernelBuilder& b, Ex x, Ex, Ex) { return b.apply(op, {x}); });
        const DType whole = d == DType::f32 ? DType::i32 : DType::i64;
        add("bitcast", d, lanes, [whole](KernelBuilder& b, Ex x, Ex, Ex) { return b.bitcast(x, whole); });
      }
      add("select", d, lanes, [](KernelBuilder& b, Ex x, Ex y, Ex z) { return b.select(x < y, z, x); });
      add("logic", d, lanes, [](KernelBuilder& b, Ex x, Ex y, Ex z) { return b.select((x < y && logical_not(y < z)) || equal(x, z), x, y); });
      for (int to = 0; to < kDTypes; ++to)
        add("cast to " + std::string(name(static_cast<DType>(to))), d, lanes, [to](KernelBuilder& b, Ex x, Ex, Ex) { return b.cast(x, static_cast<DType>(to)); });
    }
  for (DType d : {DType::bf16, DType::f16})
    for (DType to : {DType::f32, DType::f64, DType::i32})
      add("cast to " + std::string(name(to)), d, 4, [to](KernelBuilder& b, Ex x, Ex, Ex) { return b.cast(x, to); });
  add("lanes and concat", DType::f32, 4, [](KernelBuilder& b, Ex x, Ex y, Ex) { return b.concat(b.lanes(y, 2, 2), b.lanes(x, 1, 2)); });
  add("any", DType::f32, 4, [](KernelBuilder& b, Ex x, Ex y, Ex z) { return b.select(b.splat(b.any(x < y), 4), z, x); });
  return out;
}

// Numbers where dtypes have their corners, and random bits.
std::vector<std::byte> elements(DType d, unsigned seed) {
  std::vector<std::byte> out(static_cast<std::size_t>(kCount) * size_of(d));
  std::mt19937_64 random(seed);
  const double corners[] = {0, -0.0, 1, -1, 0.5, 2, 3, 7, 100, 127, -128, 255, 1e-40, 6e-8, 65504, 1e10, 2147483648.0, -9.3e18, INFINITY, -INFINITY, NAN};
  for (std::int64_t i = 0; i < kCount; ++i) {
    const std::uint64_t bits = random();
    const double corner = corners[random() % std::size(corners)], some = static_cast<double>(random() % 2000) / 64 - 15;
    std::byte* at = out.data() + static_cast<std::size_t>(i) * size_of(d);
    const auto put = [&](auto value) { std::memcpy(at, &value, sizeof value); };
    const double pick = bits % 3 == 0 ? corner : some;
    switch (d) {
      case DType::f64: put(pick); break;
      case DType::f32: put(static_cast<float>(pick)); break;
      case DType::boolean: put(static_cast<std::uint8_t>(bits & 1)); break;
      case DType::bf16: put(bf16_bits(static_cast<float>(pick))); break;
      case DType::f16: put(f16_bits(static_cast<float>(pick))); break;
      default: {
        const std::int64_t small = static_cast<std::int64_t>(random() % 17) - 8;
        const std::int64_t value = bits % 3 == 0 ? static_cast<std::int64_t>(random()) : bits % 17 == 1 ? INT64_MIN : small;
        std::memcpy(at, &value, size_of(d));
      }
    }
  }
  return out;
}

double number(DType d, const std::byte* at) {
  if (d == DType::f64) { double x; std::memcpy(&x, at, 8); return x; }
  if (d == DType::f32) { float x; std::memcpy(&x, at, 4); return static_cast<double>(x); }
  std::uint16_t x;
  std::memcpy(&x, at, 2);
  return static_cast<double>(d == DType::bf16 ? from_bf16(x) : from_f16(x));
}

bool same(DType d, const std::byte* a, const std::byte* b) {
  if (std::memcmp(a, b, size_of(d)) == 0) return true;
  return is_float(d) && std::isnan(number(d, a)) && std::isnan(number(d, b));
}

// Runs both and compares every buffer; gives the error word.
std::uint64_t check_same(const Run& run, const EmulatedCuda& code, std::size_t index, const std::vector<std::uint64_t>& arguments,
                         std::int64_t room = kCount) {
  INFO(run.what);
  std::vector<std::vector<std::byte>> ours, theirs;
  const auto globals = static_cast<std::size_t>(run.kernel.global_buffers());
  for (std::size_t i = 0; i < globals; ++i) {
    const Buffer& b = run.kernel.buffers[i];
    if (b.written) ours.push_back(std::vector<std::byte>(static_cast<std::size_t>(room) * size_of(b.dtype), std::byte{0}));
    else ours.push_back(elements(b.dtype, static_cast<unsigned>(i) + 1));
  }
  theirs = ours;
  std::vector<void*> pointers;
  std::vector<std::span<std::byte>> spans;
  for (auto& b : ours) pointers.push_back(b.data());
  for (auto& b : theirs) spans.push_back(b);
  std::uint64_t error = 0, expected = 0;
  code.run(index, pointers, arguments, &error);
  interpret(run.kernel, spans, arguments, &expected, {.order = 0, .outputs_are_set = true});
  CHECK(error == expected);
  for (std::size_t i = 0; i < globals; ++i) {
    const DType d = run.kernel.buffers[i].dtype;
    int wrong = 0;
    for (std::size_t e = 0; e < ours[i].size() / size_of(d); ++e)
      if (!same(d, ours[i].data() + e * size_of(d), theirs[i].data() + e * size_of(d)) && wrong++ == 0) {
        std::int64_t x = 0, y = 0;
        std::memcpy(&x, ours[i].data() + e * size_of(d), size_of(d));
        std::memcpy(&y, theirs[i].data() + e * size_of(d), size_of(d));
        FAIL_CHECK("buffer " << i << " of " << name(d) << ", element " << e << ": bits " << x << " are not " << y);
      }
  }
  return error;
}

std::vector<NamedKernel> named(const std::vector<Run>& runs) {
  std::vector<NamedKernel> out;
  for (std::size_t i = 0; i < runs.size(); ++i) out.push_back({&runs[i].kernel, "k" + std::to_string(i)});
  return out;
}

// Loops, variables, branches, scratch, masks and failures.
std::vector<Run> statement_kernels() {
  std::vector<Run> out;
  {
    KernelBuilder b("loops");
    const BufferId x = b.input(DType::f32), y = b.output(DType::f32);
    const Ex n = b.argument(DType::i64);
    const Ex row = b.grid((n + 15) / 16);
    const Ex column = b.grid(b.integer(2));
    const Ex sum = b.variable(b.real(0));
    b.loop(row * 16, min(row * 16 + 16, n), 3, [&](Ex i) {
      b.at(2);
      b.branch(equal(i % 2, b.integer(0)), [&] { b.assign(sum, sum + b.load(x, i)); }, [&] { b.assign(sum, sum * b.real(0.5) - b.cast(i, DType::f32)); });
    });
    b.store(y, row * 2 + column, sum + b.cast(column, DType::f32));
    out.push_back({b.finish(), "loops"});
  }
  {
    KernelBuilder b("swap");
    const BufferId x = b.input(DType::f32), y = b.output(DType::f32);
    const Ex at = b.let(b.ramp(b.grid(b.integer(32)) * 4, 4));
    const Ex v = b.variable(b.load(x, at));
    b.assign(v, b.concat(b.lanes(v, 2, 2), b.lanes(v, 0, 2)));
    b.store(y, at, v);
    const Ex before = b.load(y, at);
    b.store(y, at, before + b.concat(b.lanes(before, 1, 2), b.lanes(before, 0, 2)), b.load(x, at) < b.splat(b.real(1), 4));
    out.push_back({b.finish(), "lanes exchanged and stored over what they were read from"});
  }
  {
    KernelBuilder b("scratch");
    const BufferId x = b.input(DType::i32), y = b.output(DType::i32), s = b.scratch(DType::i32, b.integer(16));
    const Ex g = b.grid(b.integer(16));
    b.loop(b.integer(0), b.integer(16), 1, [&](Ex i) { b.store(s, i, b.load(x, g * 16 + i)); });
    b.loop(b.integer(0), b.integer(16), 1, [&](Ex i) { b.store(y, g * 16 + i, b.load(s, b.integer(15) - i)); });
    out.push_back({b.finish(), "scratch"});
  }
  {
    KernelBuilder b("fail");
    const BufferId x = b.input(DType::i32), y = b.output(DType::i32);
    const Ex g = b.let(b.grid(b.integer(kCount)));
    const Ex i = b.let(b.cast(b.load(x, g), DType::i64));
    b.at(3);
    const Ex bad = b.let(i < 0 || logical_not(i < 5));
    b.fail(equal(g, b.integer(7)), b.integer(41));
    b.store(y, g, b.select(bad, b.integer(-1, DType::i32), b.load(x, b.select(bad, b.integer(0), i))));
    out.push_back({b.finish(), "fail"});
  }
  {
    KernelBuilder b("masked");
    const BufferId x = b.input(DType::f32), y = b.output(DType::f32);
    const Ex n = b.argument(DType::i64);
    const Ex at = b.let(b.ramp(b.grid(b.integer(kCount / 8)) * 8, 8));
    const Ex mask = b.let(at < b.splat(n, 8));
    b.store(y, at, b.load(x, at, mask) * b.splat(b.real(0.1), 8), mask);
    out.push_back({b.finish(), "masks"});
  }
  {
    KernelBuilder b("block");
    const BufferId x = b.input(DType::f32), y = b.output(DType::f32), s = b.shared(DType::f32, b.integer(64));
    const Ex g = b.grid(b.integer(4)), t = b.threads(64);
    b.store(s, t, b.load(x, g * 64 + t));
    b.barrier();
    for (int d = 32; d >= 1; d /= 2) {
      b.branch(t < d, [&] { b.store(s, t, b.load(s, t) + b.load(s, t + d)); });
      b.barrier();
    }
    b.store(y, g * 64 + t, b.load(s, b.integer(0)));
    out.push_back({b.finish(), "a tree in shared memory"});
  }
  return out;
}

}  // namespace

TEST_CASE("every expression of kernels gives on emulated CUDA the bits of the kernel interpreter") {
  const std::vector<Run> runs = elementwise_kernels();
  const EmulatedCuda code(named(runs));
  for (std::size_t i = 0; i < runs.size(); ++i) check_same(runs[i], code, i, {});
}

TEST_CASE("every statement of kernels does on emulated CUDA what the kernel interpreter does") {
  const std::vector<Run> runs = statement_kernels();
  for (std::uint64_t seed : {1, 2, 3}) {
    const EmulatedCuda code(named(runs), {.seed = seed, .compiler = {}, .cache = nullptr});
    for (std::size_t i = 0; i < runs.size(); ++i) {
      const bool sized = !runs[i].kernel.arguments.empty();
      for (std::uint64_t n : {0, 1, 100, 255}) {
        const std::uint64_t error = check_same(runs[i], code, i, sized ? std::vector<std::uint64_t>{n} : std::vector<std::uint64_t>{});
        CHECK(error == (runs[i].what == "fail" ? (std::uint64_t{41} << 16 | 4) : 0));
        if (!sized) break;
      }
    }
  }
}

TEST_CASE("the source includes nothing and every line of a kernel names its op") {
  std::vector<Run> runs = statement_kernels();
  for (Run& r : elementwise_kernels()) runs.push_back(std::move(r));
  const std::vector<NamedKernel> kernels = named(runs);
  CHECK(cuda_source(kernels).find("#include") == std::string::npos);
  for (const NamedKernel& k : kernels) CHECK(cuda_lines_without_origin(emit_cuda(*k.kernel, k.name)) == 0);
}

TEST_CASE("kernels of every expression compile to cubins without spills or warnings") {
  if (const std::string why = Nvrtc::why_not(); !why.empty()) {
    WARN(why);
    return;
  }
  const Nvrtc nvrtc;
  std::vector<Run> runs = statement_kernels();
  for (Run& r : elementwise_kernels()) runs.push_back(std::move(r));
  for (const char* architecture : {"sm_80", "sm_90a"}) {
    const CudaBinary b = nvrtc.compile(cuda_source(named(runs)), {.architecture = architecture, .ptx = false});
    CHECK(b.functions.size() == runs.size());
    CHECK(b.warnings.empty());
    for (const CudaFunction& f : b.functions) {
      INFO(f.name);
      CHECK(f.registers > 0);
      CHECK(f.spill_store_bytes + f.spill_load_bytes == 0);
    }
  }
}

TEST_CASE("a barrier that some threads do not reach is told with the seed") {
  KernelBuilder b("stuck");
  const BufferId y = b.output(DType::i64), s = b.shared(DType::i64, b.integer(32));
  const Ex g = b.grid(b.integer(1)), t = b.threads(32);
  b.store(s, t, t);
  b.branch(t < 5, [&] { b.barrier(); });
  b.store(y, g * 32 + t, b.load(s, t));
  const Kernel k = b.finish();
  const NamedKernel one[] = {{&k, "k0"}};
  const EmulatedCuda code(one, {.seed = 11, .compiler = {}, .cache = nullptr});
  std::vector<std::int64_t> out(32);
  void* buffers[] = {out.data()};
  std::uint64_t error = 0;
  CHECK_THROWS_WITH(code.run(0, buffers, {}, &error), Contains("seed 11") && Contains("for ever"));
}

TEST_CASE("emulated kernels are kept in the cache") {
  const TemporaryFolder folder;
  const KernelCache cache(folder.path() / "cache");
  const std::vector<Run> runs = statement_kernels();
  const EmulatedCuda first(named(runs), {.seed = 1, .compiler = {}, .cache = &cache}), second(named(runs), {.seed = 1, .compiler = {}, .cache = &cache});
  CHECK_FALSE(first.cached());
  CHECK(second.cached());
  check_same(runs[2], second, 2, {});
}

TEST_CASE("where there is no compiler one sentence says so") {
  const std::vector<Run> runs = statement_kernels();
  CHECK_THROWS_WITH(EmulatedCuda(named(runs), {.seed = 1, .compiler = "no-such-compiler", .cache = nullptr}),
                    Contains("no C++ compiler for emulated CUDA: no-such-compiler not found; install g++"));
}

}  // namespace uwaga::test
