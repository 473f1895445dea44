#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <uwaga/runtime/io/file.h>
#include <uwaga/runtime/io/kernel_cache.h>
#include <uwaga/runtime/io/sha256.h>

#include <cstdlib>
#include <thread>

#include "tests/catch.h"

using namespace uwaga;
namespace fs = std::filesystem;

namespace {

std::string key_of(int i) { return sha256(std::to_string(i)); }
std::string object_of(int i) { return std::string(1000 + 37 * i, static_cast<char>('a' + i % 26)); }

std::uint64_t bytes_in(const fs::path& folder) {
  std::uint64_t total = 0;
  for (const auto& entry : fs::directory_iterator(folder)) total += entry.file_size();
  return total;
}

}  // namespace

TEST_CASE("a kernel is kept between caches on one folder") {
  const TemporaryFolder root;
  const fs::path folder = root.path() / "a" / "uwaga";
  {
    const KernelCache cache(folder);
    REQUIRE(cache.on());
    CHECK_FALSE(cache.load(key_of(1)));
    cache.store(key_of(1), object_of(1));
    cache.store(key_of(2), std::string_view());
    cache.store(key_of(1), object_of(7));
  }
  const KernelCache cache(folder);
  CHECK(cache.load(key_of(1)) == object_of(7));
  CHECK(cache.load(key_of(2)) == "");
  CHECK((fs::status(folder).permissions() & fs::perms::all) == fs::perms::owner_all);
}

TEST_CASE("a folder is the same with slashes behind its name") {
  const TemporaryFolder root;
  const std::string folder = root.path() / "a" / "uwaga";
  const KernelCache cache(folder + "/"), again(folder + "//");
  INFO(cache.why_off() + again.why_off());
  REQUIRE((cache.on() && again.on()));
  cache.store(key_of(1), object_of(1));
  CHECK(KernelCache(folder).load(key_of(1)) == object_of(1));
  CHECK(again.load(key_of(1)) == object_of(1));
}

TEST_CASE("only hashes are keys") {
  const TemporaryFolder root;
  const KernelCache cache(root.path());
  for (const std::string& key : {std::string(), std::string("../x"), std::string("AB"), std::string("a/b"),
                                 std::string("a\0b", 3), std::string(129, 'a')}) {
    cache.store(key, "x");
    CHECK_FALSE(cache.load(key));
  }
  CHECK(fs::is_empty(root.path()));
}

TEST_CASE("a damaged or misplaced kernel is a miss and is removed") {
  const TemporaryFolder root;
  const KernelCache cache(root.path());
  const fs::path path = root.path() / key_of(1);
  const auto damaged = [&](const auto& damage) {
    cache.store(key_of(1), object_of(1));
    REQUIRE(cache.load(key_of(1)));
    std::string text = read_file(path);
    damage(text);
    write_file(path, text);
    CHECK_FALSE(cache.load(key_of(1)));
    CHECK_FALSE(fs::exists(path));
  };
  for (int at : {0, 7, 8, 39, 40, 500}) damaged([&](std::string& t) { t[at] ^= 1; });
  damaged([](std::string& t) { t.pop_back(); });
  damaged([](std::string& t) { t += 'x'; });
  damaged([](std::string& t) { t.clear(); });
  cache.store(key_of(1), object_of(1));
  fs::rename(path, root.path() / key_of(2));
  CHECK_FALSE(cache.load(key_of(2)));
}

TEST_CASE("a folder that others could write to, or a link, is no cache") {
  const TemporaryFolder root;
  fs::create_directory(root.path() / "open");
  REQUIRE(::chmod((root.path() / "open").c_str(), 0755) == 0);
  const KernelCache open(root.path() / "open");
  CHECK_FALSE(open.on());
  CHECK_THAT(open.why_off(), Contains("mode 755 instead of 700"));
  open.store(key_of(1), "x");
  CHECK_FALSE(open.load(key_of(1)));

  const KernelCache good(root.path() / "good");
  CHECK(good.on());
  fs::create_directory_symlink("good", root.path() / "link");
  CHECK_THAT(KernelCache(root.path() / "link").why_off(), Contains("symbolic link"));
  write_file(root.path() / "file", "");
  CHECK_FALSE(KernelCache(root.path() / "file").on());
  CHECK_FALSE(KernelCache(root.path() / "file" / "below").on());
  CHECK_FALSE(KernelCache("/proc/nowhere").on());

  write_file(root.path() / "object", read_file("/proc/self/status"));
  fs::create_symlink("../object", root.path() / "good" / key_of(3));
  CHECK_FALSE(good.load(key_of(3)));
}

TEST_CASE("above its limit the kernels used longest ago go") {
  const TemporaryFolder root;
  const KernelCache cache(root.path(), 20'000);
  for (int i = 0; i < 30; ++i) {
    cache.store(key_of(i), std::string(2000, 'x'));
    std::this_thread::sleep_for(std::chrono::milliseconds(5));  // Coarser than the file system's clock.
    if (i > 0) CHECK(cache.load(key_of(0)));                    // Always in use.
    CHECK(bytes_in(root.path()) <= 20'000);
  }
  CHECK(cache.load(key_of(29)));
  CHECK_FALSE(cache.load(key_of(1)));
  cache.store(key_of(99), std::string(20'000, 'x'));
  CHECK_FALSE(cache.load(key_of(99)));
  CHECK(cache.load(key_of(29)));
}

TEST_CASE("the environment says where the cache is") {
  const auto saved = [](const char* name) {
    return std::getenv(name) ? std::string(std::getenv(name)) : std::string();
  };
  const std::string home = saved("HOME"), xdg = saved("XDG_CACHE_HOME"), own = saved("UWAGA_CACHE");
  ::setenv("HOME", "/home/x", 1);
  ::unsetenv("XDG_CACHE_HOME");
  ::unsetenv("UWAGA_CACHE");
  CHECK(KernelCache::standard_folder() == "/home/x/.cache/uwaga");
  ::setenv("XDG_CACHE_HOME", "relative", 1);
  CHECK(KernelCache::standard_folder() == "/home/x/.cache/uwaga");
  ::setenv("XDG_CACHE_HOME", "/cache", 1);
  CHECK(KernelCache::standard_folder() == "/cache/uwaga");
  ::setenv("UWAGA_CACHE", "/own", 1);
  CHECK(KernelCache::standard_folder() == "/own");
  ::setenv("UWAGA_CACHE", "on", 1);
  CHECK(KernelCache::standard_folder() == "/cache/uwaga");
  ::setenv("UWAGA_CACHE", "off", 1);
  CHECK_FALSE(KernelCache::standard_folder());
  CHECK_FALSE(KernelCache::standard().on());
  const auto restore = [](const char* name, const std::string& value) {
    value.empty() ? ::unsetenv(name) : ::setenv(name, value.c_str(), 1);
  };
  restore("HOME", home), restore("XDG_CACHE_HOME", xdg), restore("UWAGA_CACHE", own);
}

TEST_CASE("many processes may write and read one cache") {
  const TemporaryFolder root;
  constexpr int kProcesses = 6, kKeys = 8, kRounds = 40;
  std::vector<pid_t> children;
  for (int p = 0; p < kProcesses; ++p) {
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
      // A limit below what all write, so that removing happens all the time too.
      const KernelCache cache(root.path(), 6'000);
      int wrong = 0;
      for (int i = 0; i < kRounds * kKeys; ++i) {
        const int k = (i * 5 + p) % kKeys;
        cache.store(key_of(k), object_of(k));
        const auto found = cache.load(key_of((k + p) % kKeys));
        wrong += found && *found != object_of((k + p) % kKeys);
      }
      ::_exit(wrong != 0);
    }
    children.push_back(child);
  }
  for (pid_t child : children) {
    int status = -1;
    REQUIRE(::waitpid(child, &status, 0) == child);
    CHECK(status == 0);
  }
  int left = 0;
  const KernelCache cache(root.path());
  for (int k = 0; k < kKeys; ++k)
    if (auto found = cache.load(key_of(k))) {
      ++left;
      CHECK(*found == object_of(k));
    }
  CHECK(left > 0);
  for (const auto& entry : fs::directory_iterator(root.path()))
    CHECK_FALSE(entry.path().filename().string().starts_with("tmp-"));
}
