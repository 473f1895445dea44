#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>
#include <uwaga/ir/error.h>
#include <uwaga/runtime/io/checkpoint_directory.h>
#include <uwaga/runtime/io/file.h>

#include <cerrno>
#include <random>

#include "tests/catch.h"
#include "tests/runtime/io/failing_files.h"

using namespace uwaga;
namespace fs = std::filesystem;

namespace {

// Two files whose contents follow from the step.
void write_step(const fs::path& folder, std::int64_t step, const FileSystem& files = real_files()) {
  write_file(folder / "state", std::string(20000 + step, static_cast<char>('a' + step % 26)), files);
  write_file(folder / "cursor", std::to_string(step), files);
}

void check_step(const Checkpoint& checkpoint) {
  REQUIRE(read_file(fs::path(checkpoint.folder) / "cursor") == std::to_string(checkpoint.step));
  REQUIRE(read_file(fs::path(checkpoint.folder) / "state").size() == static_cast<std::size_t>(20000 + checkpoint.step));
}

std::size_t entries_in(const fs::path& folder) {
  return std::distance(fs::directory_iterator(folder), fs::directory_iterator());
}

}  // namespace

TEST_CASE("the newest checkpoint is found and the two newest are kept") {
  const TemporaryFolder root;
  CheckpointDirectory checkpoints(root.path() / "a" / "b");
  CHECK_FALSE(checkpoints.latest().checkpoint);
  for (std::int64_t step : {5, 10, 20, 7}) {  // The last goes back, as a resumed run may.
    const Checkpoint made = checkpoints.commit(step, [&](const fs::path& folder) { write_step(folder, step); });
    const auto latest = checkpoints.latest();
    REQUIRE(latest.checkpoint);
    CHECK(latest.rejected.empty());
    CHECK(latest.checkpoint->step == step);
    CHECK(latest.checkpoint->folder == made.folder);
    check_step(*latest.checkpoint);
  }
  const auto all = checkpoints.list();
  REQUIRE(all.size() == 2);
  CHECK(all[0].step == 20);
  CHECK(all[1].step == 7);
  CHECK(entries_in(root.path() / "a" / "b") == 3);  // And the lock.
  CHECK_THROWS_AS(checkpoints.commit(-1, [](const fs::path&) {}), Error);
}

TEST_CASE("a damaged checkpoint is passed over with the reason") {
  const TemporaryFolder root;
  CheckpointDirectory checkpoints(root.path());
  const auto commit = [&](std::int64_t step) {
    return checkpoints.commit(step, [&](const fs::path& folder) { write_step(folder, step); });
  };
  commit(1);
  const auto falls_back = [&](const auto& damage, const std::string& reason) {
    const Checkpoint newest = commit(2);
    damage(newest.folder);
    const auto latest = checkpoints.latest();
    REQUIRE(latest.checkpoint);
    CHECK(latest.checkpoint->step == 1);
    REQUIRE(latest.rejected.size() == 1);
    CHECK_THAT(latest.rejected[0], Contains(reason));
    fs::remove_all(newest.folder);
  };
  falls_back([](const fs::path& f) { write_file(f / "cursor", "3"); }, "cursor has changed since it was written");
  falls_back([](const fs::path& f) { write_file(f / "cursor", "22"); }, "cursor has 2 bytes instead of 1");
  falls_back([](const fs::path& f) { fs::remove(f / "state"); }, "cannot read state: No such file");
  falls_back([](const fs::path& f) { fs::remove(f / "manifest.json"); }, "No such file");
  falls_back([](const fs::path& f) { write_file(f / "manifest.json", "{"); }, "not valid JSON");
  falls_back([](const fs::path& f) { write_file(f / "manifest.json", "{}"); }, "\"format\" is missing");
  falls_back(
      [](const fs::path& f) {
        write_file(f / "manifest.json", R"({"format":"uwaga checkpoint","version":2,"step":2,"files":[]})");
      },
      "its format version is 2 and this program reads 1");
  falls_back(
      [](const fs::path& f) {
        write_file(
            f / "manifest.json",
            R"({"format":"uwaga checkpoint","version":1,"step":2,"files":[{"name":"../x","bytes":1,"sha256":""}]})");
      },
      "manifest.json names \"../x\"");
}

TEST_CASE("a damaged checkpoint is not kept in place of the one to fall back to") {
  const TemporaryFolder root;
  CheckpointDirectory checkpoints(root.path());
  const auto commit = [&](std::int64_t step) {
    return checkpoints.commit(step, [&](const fs::path& folder) { write_step(folder, step); });
  };
  const auto steps = [&] {
    std::vector<std::int64_t> steps;
    for (const Checkpoint& c : checkpoints.list()) steps.push_back(c.step);
    return steps;
  };
  commit(1);
  write_file(fs::path(commit(2).folder) / "cursor", "3");
  const Checkpoint third = commit(3);
  CHECK(steps() == std::vector<std::int64_t>{1, 2, 3});
  write_file(fs::path(third.folder) / "cursor", "4");
  CHECK(checkpoints.latest().checkpoint->step == 1);
  CHECK(checkpoints.latest().rejected.size() == 2);
  commit(4);
  CHECK(steps() == std::vector<std::int64_t>{1, 2, 3, 4});
  commit(5);
  CHECK(steps() == std::vector<std::int64_t>{4, 5});
}

TEST_CASE("a folder whose number is the last is no checkpoint, and none is made behind the last but one") {
  const TemporaryFolder root;
  CheckpointDirectory checkpoints(root.path());
  const auto commit = [&] { return checkpoints.commit(7, [](const fs::path& folder) { write_step(folder, 7); }); };
  fs::create_directory(root.path() / "9223372036854775807-step-0");
  fs::create_directory(root.path() / "9223372036854775808-step-0");
  CHECK(checkpoints.list().empty());
  CHECK(commit().sequence == 1);
  CHECK(commit().sequence == 2);
  fs::create_directory(root.path() / "9223372036854775806-step-0");
  CHECK_THROWS_WITH(commit(), "cannot commit to " + root.path().string() + ": there is no number after that of " +
                                  (root.path() / "9223372036854775806-step-0").string());
  CHECK(checkpoints.latest().checkpoint->sequence == 2);
}

TEST_CASE("a full disk at any step of a commit leaves the old checkpoint") {
  const TemporaryFolder root;
  CheckpointDirectory(root.path()).commit(1, [](const fs::path& folder) { write_step(folder, 1); });
  int failures = 0;
  for (const char* function : {"open", "write", "fsync", "rename", "mkdir"}) {
    for (int nth = 0;; ++nth) {
      const FailingFiles files(function, nth, ENOSPC, /*sticky=*/true);
      const CheckpointDirectory checkpoints(root.path());
      try {
        CheckpointDirectory(root.path(), files).commit(2, [&](const fs::path& folder) {
          write_step(folder, 2, files);
        });
        CHECK((!files.failed() || function == std::string("rename")));  // Dropping the third oldest may fail.
      } catch (const SystemError& error) {
        CHECK_THAT(error.what(), Contains("No space left on device"));
      }
      const auto latest = checkpoints.latest();
      REQUIRE(latest.checkpoint);
      CHECK(latest.rejected.empty());
      check_step(*latest.checkpoint);
      if (!files.failed()) break;
      ++failures;
    }
    CheckpointDirectory(root.path()).commit(1, [](const fs::path& folder) { write_step(folder, 1); });
    CHECK(CheckpointDirectory(root.path()).list().size() == 2);
    CHECK(entries_in(root.path()) == 3);
  }
  CHECK(failures > 20);
}

TEST_CASE("what the caller's function throws comes out, and its folder goes") {
  const TemporaryFolder root;
  CheckpointDirectory checkpoints(root.path());
  CHECK_THROWS_AS(checkpoints.commit(1, [](const fs::path&) { throw std::logic_error("x"); }), std::logic_error);
  CHECK_THROWS_AS(checkpoints.commit(1, [](const fs::path& f) { fs::create_directory(f / "sub"); }), Error);
  CHECK_THROWS_AS(checkpoints.commit(1, [](const fs::path& f) { write_file(f / "manifest.json", ""); }), Error);
  CHECK(entries_in(root.path()) == 1);
}

TEST_CASE("two processes cannot commit at once") {
  const TemporaryFolder root;
  CheckpointDirectory checkpoints(root.path());
  checkpoints.commit(1, [&](const fs::path&) {
    CHECK_THROWS_WITH(CheckpointDirectory(root.path()).commit(2, [](const fs::path&) {}),
                      Contains("another process is committing"));
  });
  CHECK(checkpoints.latest().checkpoint->step == 1);
}

TEST_CASE("a process killed at any moment of committing leaves a valid checkpoint") {
  const TemporaryFolder root;
  CheckpointDirectory checkpoints(root.path());
  checkpoints.commit(0, [](const fs::path& folder) { write_step(folder, 0); });
  std::mt19937 random(20240229);
  std::int64_t interrupted = 0;
  for (int round = 0; round < 50; ++round) {
    const std::int64_t first = checkpoints.latest().checkpoint->step + 1;
    int confirmed[2];
    REQUIRE(::pipe2(confirmed, O_CLOEXEC) == 0);
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
      // Only what is safe after fork, and never out of here.
      try {
        for (std::int64_t step = first;; ++step) {
          checkpoints.commit(step, [&](const fs::path& folder) { write_step(folder, step); });
          if (::write(confirmed[1], &step, sizeof step) != sizeof step) break;
        }
      } catch (...) {
      }
      ::_exit(1);
    }
    ::close(confirmed[1]);
    ::usleep(random() % 15000);
    ::kill(child, SIGKILL);
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    REQUIRE(WIFSIGNALED(status));
    std::int64_t last = first - 1;
    for (std::int64_t step; ::read(confirmed[0], &step, sizeof step) == sizeof step;) last = step;
    ::close(confirmed[0]);

    const auto latest = checkpoints.latest();
    REQUIRE(latest.checkpoint);
    REQUIRE(latest.rejected.empty());  // A kill, unlike a power cut, must not even leave a broken newest one.
    REQUIRE(latest.checkpoint->step >= last);
    REQUIRE(latest.checkpoint->step <= last + 1);
    check_step(*latest.checkpoint);
    for (const auto& entry : fs::directory_iterator(root.path()))
      interrupted += entry.path().filename().string().starts_with(".tmp-");
  }
  CHECK(interrupted > 0);
  checkpoints.commit(1, [](const fs::path& folder) { write_step(folder, 1); });
  CHECK(entries_in(root.path()) == 3);
}
