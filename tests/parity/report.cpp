// What the check says when something is wrong.
#include <uwaga/ir/error.h>
#include <uwaga/runtime/io/file.h>
#include <uwaga/runtime/io/safetensors.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <nlohmann/json.hpp>
#include <sstream>

#include "tests/catch.h"
#include "tests/runtime/shared_data.h"
#include "tools/check.h"
#include "tools/comparison.h"

using namespace uwaga;
namespace fs = std::filesystem;

namespace {

// A copy of reference answers, to be spoilt; none where they are not here.
std::unique_ptr<TemporaryFolder> copy_of(const std::string& name) {
  const auto from = shared_data("parity/" + name);
  if (!from) {
    WARN("the reference answers of " << name << " are not here; nothing was compared");
    return nullptr;
  }
  auto folder = std::make_unique<TemporaryFolder>("uwaga-parity");
  for (const auto& entry : fs::directory_iterator(*from))
    if (entry.is_regular_file()) fs::copy_file(entry.path(), folder->path() / entry.path().filename());
  return folder;
}

void replace_in(const fs::path& file, const std::string& from, const std::string& to) {
  std::string text = read_file(file);
  const std::size_t at = text.find(from);
  REQUIRE(at != std::string::npos);
  write_file(file, text.replace(at, from.size(), to));
}

// The tensor as zeros of another shape.
void reshape(const fs::path& file, const std::string& name, const std::vector<std::int64_t>& shape) {
  const SafetensorsFile old(file);
  std::vector<StoredTensor> tensors(old.tensors().begin(), old.tensors().end());
  std::vector<std::byte> zeros;
  for (StoredTensor& t : tensors) {
    if (t.name != name) continue;
    zeros.resize(static_cast<std::size_t>(checked_bytes(t.dtype, shape, name)));
    t.shape = shape, t.bytes = zeros;
  }
  write_safetensors(file, tensors);
}

struct Outcome {
  int code;
  std::string text;
};
Outcome check(const fs::path& folder, bool json = false, const std::string& device = "interpreter") {
  std::ostringstream out;
  const int code = check_command({.folder = folder, .device = device, .json = json}, out);
  return {code, out.str()};
}

std::string refusal(const fs::path& folder, const std::string& device = "interpreter") {
  try {
    check(folder, false, device);
  } catch (const std::runtime_error& e) {
    return e.what();
  }
  return "no error";
}

}  // namespace

TEST_CASE("a comparison tells the largest difference and is failed by a NaN", "[parity]") {
  const Array ours = array({{"n", 3}}, std::vector<float>{1, 2, 3}),
              theirs = array({{"m", 3}}, std::vector<float>{1, 4, 2});
  const Comparison c = compare("x", ours, theirs, 1.5);
  CHECK(c.absolute == 2);
  CHECK(c.relative == 0.5);
  CHECK_FALSE(c.ok());
  CHECK(compare("x", ours, theirs, 1.5, [](std::int64_t i) { return i != 1; }).ok());
  const Array nan = array({{"n", 3}}, std::vector<float>{1, std::numeric_limits<float>::quiet_NaN(), 3});
  CHECK_FALSE(compare("x", nan, ours, std::numeric_limits<double>::infinity()).ok());
  CHECK_FALSE(compare("x", ours, nan, std::numeric_limits<double>::infinity()).ok());
  CHECK_THROWS_AS(compare("x", ours, array({{"n", 2}}, std::vector<float>{1, 2}), 1), Error);
}

TEST_CASE("a report that compared nothing is not passed", "[parity]") {
  std::ostringstream out;
  Report report(out, false);
  CHECK_FALSE(report.passed());
  report.add({"x", 0, 0, 0});
  CHECK(report.passed());
}

TEST_CASE("a model with another epsilon fails, and the first layer that differs is named", "[parity]") {
  const auto folder = copy_of("gpt2");
  if (!folder) return;
  replace_in(folder->path() / "config.json", R"("layer_norm_epsilon": 0.001)", R"("layer_norm_epsilon": 0.01)");
  const Outcome o = check(folder->path());
  CHECK(o.code == 1);
  CHECK_THAT(o.text, Contains("the first hidden state that differs is debug.hidden.1, the output of block 0"));
  CHECK_THAT(o.text, Contains("DIFFERS"));
}

TEST_CASE("a configuration of older files is checked as well", "[parity]") {
  const auto folder = copy_of("llama");
  if (!folder) return;
  replace_in(folder->path() / "config.hub.json", R"("rope_theta": 10000.0)", R"("rope_theta": 20000.0)");
  const Outcome o = check(folder->path());
  CHECK(o.code == 1);
  CHECK_THAT(o.text, Contains("config.hub.json on interpreter"));
}

TEST_CASE("a training run with another optimiser fails", "[parity]") {
  const auto folder = copy_of("trajectory-gpt2");
  if (!folder) return;
  replace_in(folder->path() / "meta.json", R"("eps": 1e-08)", R"("eps": 1e-03)");
  CHECK(check(folder->path(), false, "cpu").code == 1);
}

TEST_CASE("with --json every line is one object, the last one the verdict", "[parity]") {
  const auto folder = shared_data("parity/gpt2");
  if (!folder) return;
  const Outcome o = check(*folder, /*json=*/true);
  CHECK(o.code == 0);
  std::istringstream lines(o.text);
  nlohmann::json last;
  int tensors = 0;
  for (std::string line; std::getline(lines, line);) {
    last = nlohmann::json::parse(line);
    if (last.contains("tensor")) {
      ++tensors;
      CHECK(last.at("absolute").get<double>() <= last.at("allowed").get<double>());
    }
  }
  CHECK(last.at("passed") == true);
  CHECK(last.at("compared") == tensors);
  CHECK(tensors == 32);
}

TEST_CASE("answers of shapes that do not belong together are refused", "[parity]") {
  if (const auto folder = copy_of("generate-gpt2")) {
    const fs::path expected = folder->path() / "expected.safetensors", inputs = folder->path() / "inputs.safetensors";
    const SafetensorsFile whole(expected);
    std::vector<std::int64_t> shape = whole.find("generated_logits")->shape;
    shape.back() += 1000;
    reshape(expected, "generated_logits", shape);
    CHECK_THAT(refusal(folder->path()), Contains("are not those of one generation"));
    shape.back() -= 1000;
    reshape(expected, "generated_logits", shape);
    reshape(inputs, "prompt_ids", {2, 0});
    CHECK_THAT(refusal(folder->path()), Contains("are not those of one generation"));
  }
  if (const auto folder = copy_of("gpt2")) {
    reshape(folder->path() / "expected.safetensors", "debug.hidden.0", {});
    replace_in(folder->path() / "config.json", R"("layer_norm_epsilon": 0.001)", R"("layer_norm_epsilon": 0.01)");
    CHECK_THAT(refusal(folder->path()), Contains("debug.hidden.0") && Contains("has 0 axes"));
  }
  if (const auto folder = copy_of("trajectory-gpt2")) {
    replace_in(folder->path() / "meta.json", R"("eps": 1e-08)", R"("eps": "small")");
    CHECK_THAT(refusal(folder->path()), Contains("'eps' is") && Contains("not a number"));
  }
}

TEST_CASE("folders that cannot be checked are one sentence", "[parity]") {
  CHECK_THAT(refusal("/nowhere"), Contains("/nowhere/meta.json"));
  CHECK(refusal("/nowhere", "tpu") == "there is no device 'tpu'; the devices are cpu, cuda, cuda:N, emulated and interpreter");
  if (const auto folder = copy_of("gpt2")) {
    replace_in(folder->path() / "config.json", R"("n_head": 2)", R"("n_head": 3)");
    CHECK(refusal(folder->path()) == "a width of 32 does not divide into 3 heads");
    replace_in(folder->path() / "config.json", R"("n_head": 3)", R"("n_head": 4)");
    replace_in(folder->path() / "config.json", R"("n_embd": 32)", R"("n_embd": 64)");
    CHECK(refusal(folder->path()) == "'wte.weight' is [96, 32] in the file; the model wants [96, 64] for 'wte'");
    replace_in(folder->path() / "config.json", R"("n_embd": 64)", R"("n_embd": 32)");
    replace_in(folder->path() / "config.json", R"("n_layer": 2)", R"("n_layer": 1)");
    CHECK(refusal(folder->path()) ==
          "the model has no use for tensor \"transformer.h.1.attn.c_attn.bias\" and 11 more");
    replace_in(folder->path() / "meta.json", R"("logits_atol")", R"("logits_atoll")");
    replace_in(folder->path() / "config.json", R"("n_layer": 1)", R"("n_layer": 2)");
    CHECK_THAT(refusal(folder->path()), Contains("gives no tolerance 'logits_atol'"));
  }
}
