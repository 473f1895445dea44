// The uwaga command from outside: what it prints, where, and with which exit code.
#include <uwaga/runtime/io/safetensors.h>
#include <uwaga/runtime/train/run_record.h>

#include <algorithm>
#include <cstring>
#include <filesystem>

#include "tests/catch.h"
#include "tests/tools/run_command.h"

using namespace uwaga;
using namespace uwaga::test;
namespace fs = std::filesystem;

namespace {

void refuses(const Ran& r, int code, const std::string& sentence) {
  CHECK(r.code == code);
  CHECK(r.out.empty());
  CHECK_THAT(r.err, Contains(sentence));
  CHECK(std::count(r.err.begin(), r.err.end(), '\n') == 1);
}

}  // namespace

TEST_CASE("wrong usage is one sentence and exit code 2") {
  const Workplace w;
  refuses(w.run("train --data x --frobnicate"), 2, "--frobnicate");
  refuses(w.train("--threads 0"), 2, "--threads");
  refuses(w.run("train"), 2, "--data is required");
  refuses(w.run(""), 2, "subcommand");
  refuses(w.run("sing"), 2, "there is no subcommand 'sing' (uwaga --help");
  refuses(w.run("-x"), 2, "there is no option '-x'");
  refuses(w.run("bench foo"), 2, "there is no subcommand 'foo' (uwaga bench --help");
  refuses(w.run("bench step --time 2000000"), 2, "(uwaga bench step --help");
  refuses(w.train("--model bert"), 2, "bert");
  refuses(w.train("--lr fast"), 2, "fast");
  refuses(w.train("--resume"), 2, "--resume needs --out");
}

TEST_CASE("a number that is none, or does not fit, is refused") {
  const Workplace w;
  refuses(w.train("--steps 1e1"), 2, "--steps: wants a whole number from 0 to 1099511627776, not 1e1");
  refuses(w.train("--seed 9223372036854775808"), 2, "not 9223372036854775808");
  for (const char* option : {"--lr", "--decay", "--clip", "--last-lr", "--dropout", "--validation"})
    refuses(w.train(std::string(option) + " nan"), 2, std::string(option) + ": wants a number from 0 to");
  refuses(w.train("--beta1 1"), 2, "--beta1: wants a number from 0 to less than 1, not 1");
  refuses(w.train("--beta2 1"), 2, "--beta2");
  refuses(w.run("generate . --temperature nan"), 1, "the temperature must be");
  refuses(w.train("--device cuda:99999999999"), 2, "there is no device 'cuda:99999999999'");
  refuses(w.train("--steps 010"), 2, "--steps: wants 10, not 010");
}

TEST_CASE("a standard stream that is closed gets no file of the run") {
  const Workplace w;
  const auto system = [&](const std::string& more) { return std::system((kCommand.string() + " " + w.training(more)).c_str()); };
  const fs::path out = w.path / "run";
  CHECK(system("--steps 20 --eval-every 1 --out " + out.string() + " >" + (w.path / "out").string() + " 2>&-") == 0);
  for (const auto& entry : fs::recursive_directory_iterator(out)) {
    INFO(entry.path());
    if (entry.is_regular_file()) CHECK(read_file(entry.path()).find("tok/s") == std::string::npos);
  }
  CHECK(WEXITSTATUS(system("--steps 1 <&- >&- 2>" + (w.path / "err").string())) == 1);
  CHECK_THAT(read_file(w.path / "err"), Contains("cannot write to standard output"));
}

TEST_CASE("help and version are answers, not errors") {
  const Workplace w;
  CHECK(w.run("--version").code == 0);
  for (const char* command : {"", "train", "generate", "inspect", "bench", "tune", "devices"}) {
    const Ran r = w.run(std::string(command) + " --help");
    CHECK(r.code == 0);
    CHECK_THAT(r.out, Contains("--help"));
  }
  CHECK(w.run("devices --json").last().contains("device"));
  const Ran uncached = uwaga_command(w.path, "devices", "UWAGA_CACHE=off ");
  CHECK_THAT(uncached.out, Contains("the kernel cache is off"));
}

TEST_CASE("what the machine could do is measured", "[slow]") {
  const Workplace w;
  const Ran r = w.run("bench machine --json");
  REQUIRE(r.code == 0);
  for (const char* key : {"memory_read_gbps", "memory_write_gbps", "pool_run_us"}) CHECK(r.last().at(key).get<double>() > 0);
}

TEST_CASE("products of given shapes are timed, and what is no shape is refused") {
  const Workplace w;
  const Ran r = w.run("bench gemm --shape 3x5x7 --shape 4x3x2a --runs 1 --threads 1 --json");
  REQUIRE(r.code == 0);
  CHECK(std::count(r.out.begin(), r.out.end(), '\n') == 2);
  CHECK(r.last().at("m") == 4);
  CHECK(r.last().at("transpose_a") == true);
  CHECK(r.last().at("gflops").get<double>() > 0);
  for (const char* shape : {"3x5", "3x5x7x9", "3x5x7c", "0x5x7", "3x5x99999999", "3x-5x7", "x5x7", "''"})
    refuses(w.run(std::string("bench gemm --shape ") + shape), 2, "is no shape: ROWSxCOLUMNSxTERMS");
}

TEST_CASE("shapes on standard input are answered a line each") {
  const Workplace w;
  write_file(w.path / "shapes", "3x5x7\n2x2x2b\n");
  const Ran r = w.run("bench gemm --shape - --runs 1 --threads 1 --precision bf16 --json <" + (w.path / "shapes").string());
  REQUIRE(r.code == 0);
  CHECK(std::count(r.out.begin(), r.out.end(), '\n') == 2);
  CHECK(r.last().at("transpose_b") == true);
}

TEST_CASE("kernels are timed beside the bandwidth of each level", "[slow]") {
  const Workplace w;
  const Ran r = w.run("bench kernels --only rms_norm --threads 1 --json");
  REQUIRE(r.code == 0);
  CHECK(r.last().at("level") == "memory");
  CHECK(r.last().at("bandwidth_share").get<double>() > 0);
  refuses(w.run("bench kernels --only nothing"), 2, "nothing");
}

TEST_CASE("numbers to tune are measured, and a row is proposed") {
  const Workplace w;
  const Ran r = w.run("tune --number rows_ahead --rounds 1 --threads 1 --json");
  REQUIRE(r.code == 0);
  CHECK(std::count(r.out.begin(), r.out.end(), '\n') == 2);
  CHECK_THAT(r.last().at("row").get<std::string>(), Contains("{\"") && Contains("}},"));
  refuses(w.run("tune --number nothing"), 2, "nothing");
  refuses(uwaga_command(w.path, "bench gemm --shape 2x2x2", "UWAGA_TUNING=rows=1 "), 1, "UWAGA_TUNING: there is no number 'rows' to tune");
}

TEST_CASE("bench decode times tokens after a prompt, in the weights' precision") {
  const Workplace w;
  const Ran r = w.run("bench decode --model nanogpt --prompt 5 --tokens 3 --threads 1 --precision bf16 --json");
  REQUIRE(r.code == 0);
  CHECK(r.last().at("precision") == "bf16");
  CHECK(r.last().at("milliseconds").get<double>() > 0);
  CHECK(r.last().at("kernels_compiled_in_run") == 0);
  // Its 0.8 MB of weights stay in the caches, and no products are counted.
  for (const char* key : {"gflops", "peak_gflops", "memory_gbps", "roofline_share"}) CHECK_FALSE(r.last().contains(key));
  const Ran gpu = w.run("bench gemm --shape 3x5x7 --runs 1 --device interpreter --json");
  CHECK(gpu.last().at("gflops").get<double>() > 0);
  CHECK_FALSE(gpu.last().contains("peak_gflops"));
  refuses(w.run("bench decode --model nanogpt --prompt 60 --tokens 5 --threads 1"), 1, "nanogpt sees 64 tokens at most, not 65");
}

TEST_CASE("what cannot be read, written or learnt is one sentence and exit code 1") {
  const Workplace w;
  const std::string missing = (w.path / "none.txt").string();
  refuses(w.run("train --data " + missing), 1, missing);
  refuses(w.run("train --data " + w.path.string()), 1, w.path.string());
  write_file(w.path / "short.txt", "too short");
  refuses(w.run("train --data " + (w.path / "short.txt").string()), 1, "has 9 tokens");
  write_file(w.path / "empty.txt", "");
  refuses(w.run("train --data " + (w.path / "empty.txt").string()), 1, "is empty");
  write_file(w.path / "binary.txt", "\xff\xfe");
  refuses(w.run("train --data " + (w.path / "binary.txt").string()), 1, "--tokenizer byte reads any file");
  write_file(w.path / "file", "x");
  refuses(w.train("--steps 1 --out " + (w.path / "file").string()), 1, "it is a file");
  write_file(w.path / "text.txt", std::string(400, 'a') + "b");
  refuses(w.run("train --heads 3 --width 8 --time 8 --device interpreter --data " + (w.path / "text.txt").string()), 1,
          "a width of 8 does not divide into 3 heads");
  refuses(w.run("generate " + missing), 1, "there is no folder");
  refuses(w.run("generate " + w.path.string()), 1, "there is no checkpoint");
}

TEST_CASE("a folder that holds a run is written over where that is asked for, and not otherwise") {
  const Workplace w;
  const std::string folder = (w.path / "run").string(), out = " --eval-every 0 --out " + folder;
  REQUIRE(w.train("--steps 3" + out).code == 0);
  refuses(w.train("--steps 2" + out), 1, folder + " holds a run of 3 steps; --resume goes on with it, --overwrite replaces it");
  CHECK(w.run("generate " + folder + " --device interpreter --tokens 1 --json").last()["step"] == 3);
  refuses(w.train("--steps 2 --resume --overwrite" + out), 2, "--overwrite");
  REQUIRE(w.train("--steps 2 --overwrite" + out).code == 0);
  CHECK(w.run("generate " + folder + " --device interpreter --tokens 1 --json").last()["step"] == 2);
  const std::string metrics = read_file(w.path / "run" / "metrics.jsonl");
  CHECK(std::count(metrics.begin(), metrics.end(), '\n') == 2);
  for (const auto& entry : fs::directory_iterator(folder)) CHECK(entry.path().filename().string().find("0003") == std::string::npos);
}

TEST_CASE("a run goes on with the numbers of its optimiser unless they are given again") {
  const Workplace w;
  const std::string out = " --eval-every 0 --out " + (w.path / "run").string();
  const auto newest = [&] {
    fs::path last;
    for (const auto& entry : fs::directory_iterator(w.path / "run"))
      if (entry.is_directory()) last = std::max(last, entry.path());
    return last;
  };
  const auto settings = [&] { return nlohmann::json::parse(read_file(newest() / "run.json")).at("settings"); };
  const std::string numbers = "--lr 0.01 --last-lr 0.5 --beta1 0.8 --beta2 0.95 --decay 0.3 --clip 2 ";
  const Ran whole = w.train("--steps 4 --json " + numbers);
  REQUIRE(w.train("--steps 4 --checkpoint-every 2 " + numbers + out).code == 0);
  fs::remove_all(w.path / "run" / "00000002-step-0000000004");
  const Ran rest = w.train("--resume --json" + out);
  REQUIRE(rest.code == 0);
  CHECK(rest.last()["step"] == 4);
  CHECK(rest.last()["state_sha256"] == whole.last()["state_sha256"]);
  CHECK(settings()["decay"] == 0.3);
  REQUIRE(w.train("--resume --steps 5 --decay 0" + out).code == 0);
  CHECK(settings()["decay"] == 0);
  CHECK(settings()["beta2"] == 0.95);
  const auto told = [&](const char* slot) {
    const SafetensorsFile file(state_file(newest().string()));
    float value = 0;
    std::memcpy(&value, file.find(std::string("optimiser.") + slot)->bytes.data(), sizeof value);
    return value;
  };
  CHECK(told("rate") == 0.01f);
  CHECK(told("clip") == 2);
  REQUIRE(w.train("--resume --steps 6 --lr 0.25 --clip 0.5" + out).code == 0);
  CHECK(told("rate") == 0.25f);
  CHECK(told("clip") == 0.5f);
}

TEST_CASE("text begins with a new line, or with a token that the run knows, of a run or of one checkpoint") {
  const Workplace w;
  const std::string run = (w.path / "run").string();
  write_file(w.path / "line.txt", std::string(300, 'a') + std::string(300, 'b'));
  REQUIRE(w.run("train --layers 1 --heads 2 --width 8 --time 8 --batch 2 --device interpreter --steps 1 --data " +
                (w.path / "line.txt").string() + " --out " + run)
              .code == 0);
  const std::string some = " --device interpreter --tokens 3 --json";
  const Ran whole = w.run("generate " + run + some), one = w.run("generate " + run + "/00000001-step-0000000001/" + some);
  REQUIRE(whole.code == 0);
  CHECK(whole.last()["prompt"] == "a");
  CHECK(one.last()["text"] == whole.last()["text"]);
  refuses(w.run("generate " + run + some + " --prompt '\n'"), 1, "not");
  write_file(fs::path(run) / "00000001-step-0000000001" / "state.safetensors", "once upon a time");
  refuses(w.run("generate " + run + "/00000001-step-0000000001" + some), 1, "cannot be used");
}

TEST_CASE("a run resumes to the same weights, refuses another model, and generates") {
  const Workplace w;
  const std::string out = " --out " + (w.path / "cut").string();
  const Ran whole = w.train("--steps 4 --json");
  REQUIRE(whole.code == 0);
  for (const char* key :
       {"step", "loss", "val_loss", "seconds", "compile_seconds", "tokens_per_second", "peak_bytes", "weights_sha256"})
    CHECK(whole.last().contains(key));
  // The schedule is part of the run: the first half is cut off by the checkpoint that step 2 leaves.
  REQUIRE(w.train("--steps 4 --checkpoint-every 2 --json" + out).code == 0);
  fs::path newest;
  for (const auto& entry : fs::directory_iterator(w.path / "cut"))
    if (entry.is_directory()) newest = std::max(newest, entry.path());
  fs::remove_all(newest);
  const Ran rest = w.train("--steps 4 --checkpoint-every 2 --resume --json" + out);
  REQUIRE(rest.code == 0);
  CHECK_THAT(rest.err, Contains("going on from step 2"));
  CHECK(rest.last()["state_sha256"] == whole.last()["state_sha256"]);
  CHECK(rest.last()["val_loss"] == whole.last()["val_loss"]);

  refuses(w.train("--steps 4 --layers 2 --resume --json" + out), 2, "layers");  // given twice
  const Ran other =
      w.run("train --layers 2 --heads 2 --width 8 --time 8 --batch 2 --device interpreter --steps 4 --resume --data " +
            (w.path / "text.txt").string() + out);
  refuses(other, 1, "is of another run: its model has");

  const std::string generate =
      "generate " + (w.path / "cut").string() + " --device interpreter --tokens 12 --prompt 'the cat' --json";
  const Ran a = w.run(generate), b = w.run(generate);
  REQUIRE(a.code == 0);
  CHECK(a.last()["tokens"] == 12);
  CHECK(a.last()["text"] == b.last()["text"]);
  const Ran narrow = w.run(generate + " --precision bf16");
  CHECK(narrow.code == 0);
  CHECK(narrow.last()["tokens"] == 12);
  refuses(w.run("generate " + (w.path / "cut").string() + " --prompt XYZ"), 1, "X");
  refuses(w.run("generate " + (w.path / "cut").string() + " --top-p 2"), 1, "top-p");
}
