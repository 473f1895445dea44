// Training that is stopped from outside: Ctrl-C, kill -9, a disk that is full.
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <thread>

#include "tests/catch.h"
#include "tests/tools/run_command.h"

using namespace uwaga;
using namespace uwaga::test;
namespace fs = std::filesystem;

namespace {

using namespace std::chrono_literals;

// `uwaga train` of a tiny model in the background.
class Training {
 public:
  // Files of more than `file_limit` bytes cannot be written, if it is not 0.
  Training(const Workplace& w, const std::string& more, rlim_t file_limit = 0) : folder_(w.path) {
    // Small enough to save often, and on the CPU's kernels: the second start finds them in the cache.
    const std::string line = "exec " + kCommand.string() +
                             " train --layers 1 --heads 2 --width 8 --time 8 --batch 2 --warm-up 1 --threads 1 --json --data " +
                             (w.path / "text.txt").string() + " --out " + (w.path / "run").string() + " " + more + " >" +
                             (w.path / "out").string() + " 2>" + (w.path / "err").string();
    process_ = fork();
    if (process_ == 0) {
      if (file_limit > 0) {
        const rlimit limit{file_limit, file_limit};
        setrlimit(RLIMIT_FSIZE, &limit);
        signal(SIGXFSZ, SIG_IGN);
      }
      execl("/bin/sh", "sh", "-c", line.c_str(), static_cast<char*>(nullptr));
      _exit(127);
    }
  }
  ~Training() {
    if (process_ > 0) {
      kill(process_, SIGKILL);
      waitpid(process_, nullptr, 0);
    }
  }

  void send(int signal) const { kill(process_, signal); }
  bool has_ended() const {
    siginfo_t info{};
    return waitid(P_PID, static_cast<id_t>(process_), &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid != 0;
  }
  // The exit code, or -1 where a signal ended it.
  Ran wait() {
    int status = 0;
    waitpid(process_, &status, 0);
    process_ = 0;
    return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, read_file(folder_ / "out"), read_file(folder_ / "err")};
  }

 private:
  fs::path folder_;
  pid_t process_ = 0;
};

int checkpoints(const fs::path& run) {
  int count = 0;
  std::error_code none;
  for (const auto& entry : fs::directory_iterator(run, none)) count += entry.is_directory();
  return count;
}

void wait_for_checkpoint(const Training& t, const fs::path& run) {
  for (int i = 0; i < 6000 && checkpoints(run) == 0 && !t.has_ended(); ++i) std::this_thread::sleep_for(10ms);
  REQUIRE(checkpoints(run) > 0);
}

Ran generate(const Workplace& w) {
  return w.run("generate " + (w.path / "run").string() + " --tokens 4 --prompt 'the' --threads 1 --json");
}

}  // namespace

TEST_CASE("Ctrl-C writes a checkpoint, says so and exits with 130, and the run goes on to the same weights") {
  const Workplace w;
  const std::string steps = "--steps 400 --eval-every 0 --checkpoint-every 20";
  Training first(w, steps);
  wait_for_checkpoint(first, w.path / "run");
  first.send(SIGINT);
  const Ran stopped = first.wait();
  // A machine fast enough may have been done.
  if (stopped.code != 0) {
    CHECK(stopped.code == 130);
    CHECK(stopped.last()["interrupted"] == true);
    CHECK(stopped.last().contains("checkpoint"));
    CHECK_THAT(stopped.err, Contains("checkpoint"));
  }
  Training second(w, steps + " --resume");
  const Ran rest = second.wait();
  REQUIRE(rest.code == 0);
  fs::remove_all(w.path / "run");
  Training whole(w, steps);
  const Ran at_once = whole.wait();
  REQUIRE(at_once.code == 0);
  CHECK(rest.last()["state_sha256"] == at_once.last()["state_sha256"]);
}

TEST_CASE("a terminal that is closed counts as Ctrl-C") {
  const Workplace w;
  Training t(w, "--steps 1000000 --eval-every 0 --checkpoint-every 20");
  wait_for_checkpoint(t, w.path / "run");
  t.send(SIGHUP);
  t.send(SIGHUP);  // the shell's, and the terminal's own
  const Ran stopped = t.wait();
  CHECK(stopped.code == 130);
  CHECK(stopped.last()["checkpoint"].get<std::string>().find((w.path / "run").string()) == 0);
}

TEST_CASE("a run whose lines nobody reads any more saves what it has, and ends") {
  const Workplace w;
  // The reader takes one line and goes, as tee does at Ctrl-C; the next lines cannot be written.
  const std::string training = w.training("--steps 1000000 --eval-every 1 --checkpoint-every 1000000 --json --out " + (w.path / "run").string());
  const std::string line = "(" + kCommand.string() + " " + training + " 2>" + (w.path / "err").string() + "; echo $? >" +
                           (w.path / "code").string() + ") | head -n 1 >" + (w.path / "out").string();
  REQUIRE(std::system(line.c_str()) == 0);
  CHECK(read_file(w.path / "code") == "1\n");
  CHECK(checkpoints(w.path / "run") == 1);
  CHECK_THAT(read_file(w.path / "err"), Contains("cannot write to standard output"));
}

TEST_CASE("while a run saves, others read its folder and none trains in it") {
  const Workplace w;
  Training t(w, "--steps 1000000 --eval-every 0 --checkpoint-every 1");
  wait_for_checkpoint(t, w.path / "run");
  const Ran second = w.train("--resume --out " + (w.path / "run").string());
  CHECK(second.code == 1);
  CHECK_THAT(second.err, Contains("another process is training in"));
  for (int i = 0; i < 3; ++i) {
    // Kernels that are compiled anew take longer than the run takes to remove the checkpoint.
    const Ran text = uwaga_command(w.path, "generate " + (w.path / "run").string() + " --tokens 1 --threads 1 --json", "UWAGA_CACHE=off ");
    INFO(text.err);
    CHECK(text.code == 0);
  }
}

TEST_CASE("a run killed at any moment of saving leaves a checkpoint that loads") {
  const Workplace w;
  const std::string steps = "--steps 1000000 --eval-every 0 --checkpoint-every 1 --resume";
  for (int turn = 0; turn < 50; ++turn) {
    Training t(w, turn == 0 ? steps.substr(0, steps.find(" --resume")) : steps);
    if (turn == 0) wait_for_checkpoint(t, w.path / "run");
    // Saving takes a good part of each step: any delay meets some stage of it.
    std::this_thread::sleep_for(100ms + turn * 7ms);
    t.send(SIGKILL);
    CHECK(t.wait().code == -1);
    if (turn % 10 == 9) CHECK(generate(w).code == 0);
  }
  const Ran last = generate(w);
  INFO(last.err);
  CHECK(last.code == 0);
}

TEST_CASE("a full disk ends a run in one sentence, and what was saved before loads") {
  const Workplace w;
  Training good(w, "--steps 4 --eval-every 0");
  REQUIRE(good.wait().code == 0);
  // The limit lets small files pass and stops the weights half-way.
  Training full(w, "--steps 8 --eval-every 0 --resume", 4096);
  const Ran failed = full.wait();
  INFO(failed.err);
  CHECK(failed.code == 1);
  CHECK_THAT(failed.err, Contains("uwaga: cannot write"));
  CHECK(generate(w).code == 0);
  Training again(w, "--steps 8 --eval-every 0 --resume");
  CHECK(again.wait().code == 0);
}
