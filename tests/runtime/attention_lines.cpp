// The statements of attention's kernels carry the lines of the ops they compute: those of a user's own score and mask.
#include <uwaga/runtime/inspect/inspection.h>
#include <uwaga/uwaga.h>

#include <set>
#include <string>
#include <vector>

#include "tests/catch.h"

using namespace uwaga;

namespace {

const Axis kBatch("batch"), kTime("time"), kKey("key"), kHead("head", 2), kDepth("depth", 8);

// Every line of this function computes something.
Tensor score_of(const Score& at, const Tensor& slope) {
  const Tensor distance = cast(at.key - at.query, f32);
  const Tensor scaled = distance / 1024.0;
  const Tensor moved = at.score + outer(slope, scaled);
  const Tensor small = moved / 30.0;
  const Tensor capped = tanh(small);
  return capped * 30.0;
}
constexpr int kLast = __LINE__ - 2, kFirst = kLast - 5;

constexpr int kMask = __LINE__ + 1;
MaskFunction window() { return sliding_window(16); }

Graph attend(int layers, bool gradient) {
  Graph g;
  const Tensor first = g.input("x", f32, {kBatch, kTime, kHead, kDepth});
  Tensor x = first;
  const Tensor slope = g.input("slope", f32, {kHead});
  for (const Scope& layer : g.scope().layers("h", layers)) {
    const Scope here = layer / "attn";
    const Tensor keys = rename(x * 0.5, kTime, kKey);
    x = attention(x, keys, keys, {.query = kTime, .key = kKey, .depth = kDepth,
                                  .score = [&](const Score& at) { return score_of(at, slope); }, .mask = window()});
  }
  x.watch("y");
  if (gradient) {
    const auto d = grad(sum(x * x, {kBatch, kTime, kHead, kDepth}), {first, slope});
    d[0].watch("dx");
    d[1].watch("dslope");
  }
  return g;
}

bool is_here(const ModelLine& at, int line) { return at.file.ends_with("attention_lines.cpp") && at.line == line; }

// Statements of the attention kernels that carry a line, in a role (any, if empty); `call` is which of the kernel's calls.
int statements(const Inspection& seen, Stage stage, int line, const std::string& role = {}, std::size_t call = 0) {
  int count = 0;
  for (std::size_t i = 0; i < seen.kernels().size(); ++i) {
    const InspectedKernel& k = seen.kernels()[i];
    if (k.kind != "attention") continue;
    for (const InspectedLine& l : seen.listing(stage, i))
      if (l.instruction)
        for (const ModelLine& at : k.calls.at(call).ops.at(static_cast<std::size_t>(l.op)).lines)
          if (is_here(at, line) && (role.empty() || at.role == role)) {
            ++count;
            break;
          }
  }
  return count;
}

std::vector<int> lines_of_the_body() {
  std::vector<int> lines{kMask};
  for (int line = kFirst; line <= kLast; ++line) lines.push_back(line);
  return lines;
}

void check_target(const Target& target, const std::vector<Stage>& stages) {
  for (const bool gradient : {false, true}) {
    const Inspection seen(attend(1, gradient), target);
    CHECK(seen.refused_attention().empty());
    for (const Stage stage : stages) {
      INFO(target.str() << ", " << name(stage) << (gradient ? ", with gradient" : ""));
      for (const int line : lines_of_the_body()) {
        INFO("line " << line);
        CHECK(statements(seen, stage, line, "forward") > 0);
      }
      for (std::size_t i = 0; i < seen.kernels().size(); ++i) CHECK(seen.without_origin(stage, i) == 0);
      if (gradient)  // of tanh, of the quotients, of the scaled distance
        for (const int line : {kFirst + 2, kFirst + 3, kFirst + 4, kFirst + 5}) {
          INFO("line " << line << " backward");
          CHECK(statements(seen, stage, line, "backward") > 0);
        }
    }
    for (const int line : lines_of_the_body()) {
      int shown = 0;
      for (const InspectedKernel& k : seen.kernels()) {
        const bool is_shown = seen.shows(k, {.line = "attention_lines.cpp:" + std::to_string(line)});
        shown += is_shown;
        if (is_shown) CHECK(k.kind == "attention");
      }
      INFO("line " << line);
      CHECK(shown > 0);
    }
  }
}

}  // namespace

#ifdef UWAGA_WITH_LLVM
TEST_CASE("on the host, every line of a score and a mask is the origin of statements in attention's kernels") {
  check_target(Target::host(1), {Stage::kernel, Stage::llvm});
}

TEST_CASE("layers share attention's kernels, and each call has the lines in its own scope") {
  for (const bool gradient : {false, true}) {
    const Inspection one(attend(1, gradient), Target::host(1)), three(attend(3, gradient), Target::host(1));
    std::size_t shared = 0;
    for (const InspectedKernel& k : three.kernels()) {
      if (k.kind != "attention") continue;
      if (k.calls.size() < 3) continue;
      ++shared;
      for (std::size_t call = 0; call < 3; ++call) {
        std::set<std::string> scopes;
        for (const InspectedOp& op : k.calls[call].ops)
          for (const ModelLine& at : op.lines)
            if (is_here(at, kFirst + 4)) scopes.insert(at.scope);
        CHECK(scopes.size() == 1);
        CHECK(scopes.begin()->starts_with("h."));
        if (call > 0) CHECK_FALSE(scopes.contains(k.calls[0].ops.back().lines.at(0).scope));
      }
    }
    CHECK(shared >= 1);
  }
}
#endif

#ifdef UWAGA_WITH_CUDA
TEST_CASE("on a GPU, every line of a score and a mask is the origin of statements in attention's kernels") {
  check_target(Target::emulated(), {Stage::kernel, Stage::cuda});
}
#endif
