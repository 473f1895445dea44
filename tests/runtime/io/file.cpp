#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uwaga/ir/error.h>
#include <uwaga/runtime/io/file.h>
#include <uwaga/runtime/io/sha256.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <thread>

#include "tests/catch.h"
#include "tests/runtime/io/failing_files.h"

using namespace uwaga;
namespace fs = std::filesystem;

namespace {

std::size_t files_in(const fs::path& folder) {
  return std::distance(fs::directory_iterator(folder), fs::directory_iterator());
}

// System calls of this process that read; 0 where the system does not count them.
std::int64_t reads_so_far() {
  std::ifstream io("/proc/self/io");
  for (std::string word; io >> word;)
    if (std::int64_t n; word == "syscr:" && io >> n) return n;
  return 0;
}

mode_t mode_of(const fs::path& path) {
  struct stat status;
  REQUIRE(::stat(path.c_str(), &status) == 0);
  return status.st_mode & 07777;
}

}  // namespace

TEST_CASE("SHA-256 gives the published digests") {
  // FIPS 180-4 examples.
  CHECK(sha256("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK(sha256("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  Sha256 hash;
  hash.add("a"), hash.add(""), hash.add("bc");
  CHECK(hash.hex() == sha256("abc"));
}

TEST_CASE("a file is written, read, mapped and hashed") {
  const TemporaryFolder folder;
  const fs::path path = folder.path() / "x.bin";
  std::string text(1'000'003, 'x');
  for (std::size_t i = 0; i < text.size(); ++i) text[i] = static_cast<char>(i * i);
  write_file(path, text);
  CHECK(read_file(path) == text);
  const MappedFile map(path);
  CHECK(std::equal(map.bytes().begin(), map.bytes().end(), std::as_bytes(std::span(text)).begin()));
  CHECK(sha256_file(path) == sha256(text));
  write_file(path, std::string_view());
  CHECK(read_file(path).empty());
  CHECK(MappedFile(path).bytes().empty());
  CHECK(files_in(folder.path()) == 1);
}

TEST_CASE("reading what is not there names the file and the reason") {
  CHECK_THROWS_WITH(read_file("/nowhere/at all"), "cannot open /nowhere/at all: No such file or directory");
  CHECK_THROWS_WITH(MappedFile("/nowhere"), "cannot open /nowhere: No such file or directory");
  CHECK_THROWS_WITH(read_file("/"), "cannot read /: Is a directory");
  const TemporaryFolder folder;
  write_file(folder.path() / "x", "12345");
  CHECK_THROWS_AS(read_file(folder.path() / "x", 4), SystemError);
  CHECK(read_file(folder.path() / "x", 5) == "12345");
  CHECK_FALSE(read_file("/proc/self/status").empty());
}

TEST_CASE("a failure at any step of writing leaves the old file and no litter") {
  const TemporaryFolder folder;
  const fs::path path = folder.path() / "x";
  write_file(path, "old");
  for (const char* function : {"open", "write", "fsync", "rename"}) {
    const FailingFiles files(function, 0, ENOSPC);
    CHECK_THROWS_AS(write_file(path, "something new", files), SystemError);
    CHECK(files.failed());
    CHECK(read_file(path) == "old");
    CHECK(files_in(folder.path()) == 1);
  }
  const FailingFiles files("write", 2, ENOSPC);
  CHECK_THROWS_WITH(write_file(path, "something new", files),
                    "cannot write " + path.string() + ": No space left on device");
  const FailingFiles interrupted("write", 1, EINTR);
  write_file(path, "something new", interrupted);
  CHECK(interrupted.failed());
  CHECK(read_file(path) == "something new");
}

TEST_CASE("a writer that is not committed leaves nothing") {
  const TemporaryFolder folder;
  { FileWriter(folder.path() / "x").write("half"); }
  CHECK(files_in(folder.path()) == 0);
}

TEST_CASE("a text takes the memory of its file, and a pipe a read for many bytes") {
  const TemporaryFolder folder;
  const std::string text(1'000'003, 'x');
  write_file(folder.path() / "x", text);
  CHECK(read_file(folder.path() / "x").capacity() < text.size() + 4096);

  int ends[2];
  REQUIRE(::pipe(ends) == 0);
  std::thread writer([&] {
    for (std::size_t at = 0; at < text.size();) at += static_cast<std::size_t>(::write(ends[1], text.data() + at, text.size() - at));
    ::close(ends[1]);
  });
  const std::int64_t before = reads_so_far();
  const std::string read = read_file("/proc/self/fd/" + std::to_string(ends[0]));
  const std::int64_t reads = reads_so_far() - before;
  writer.join();
  ::close(ends[0]);
  CHECK(read == text);
  // Of 4096 bytes each at the least, but that a pipe gives what it happens to hold.
  CHECK(reads < 10'000);
}

TEST_CASE("what a link points to is written, and the link stays") {
  const TemporaryFolder folder;
  fs::create_directory(folder.path() / "there");
  write_file(folder.path() / "there" / "x", "old");
  fs::create_symlink("there/x", folder.path() / "a");
  fs::create_symlink(folder.path() / "a", folder.path() / "b");
  fs::create_symlink("there/new", folder.path() / "c");
  fs::create_symlink("round", folder.path() / "round");
  write_file(folder.path() / "b", "new");
  CHECK(fs::is_symlink(folder.path() / "b"));
  CHECK(fs::is_symlink(folder.path() / "a"));
  CHECK(read_file(folder.path() / "there" / "x") == "new");
  write_file(folder.path() / "c", "made");
  CHECK(fs::is_symlink(folder.path() / "c"));
  CHECK(read_file(folder.path() / "there" / "new") == "made");
  CHECK(files_in(folder.path() / "there") == 2);
  CHECK_THROWS_WITH(write_file(folder.path() / "round", ""), Contains("Too many levels of symbolic links"));
}

TEST_CASE("a file keeps its mode") {
  const TemporaryFolder folder;
  const fs::path path = folder.path() / "x";
  write_file(path, "old");
  for (mode_t mode : {0600, 0444, 0666}) {
    REQUIRE(::chmod(path.c_str(), mode) == 0);
    write_file(path, "new");
    CHECK(mode_of(path) == mode);
  }
}

// Pipes of a folder of its own stand for devices: the machine's must outlive code that is wrong.
TEST_CASE("what is no file is written in place") {
  const TemporaryFolder folder;
  const fs::path pipe = folder.path() / "pipe";
  REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
  fs::create_symlink("pipe", folder.path() / "link");
  for (const fs::path& path : {pipe, folder.path() / "link"}) {
    const int end = ::open(pipe.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);  // so that no writer waits for a reader
    REQUIRE(end >= 0);
    write_file(path, "through");
    CHECK_THROWS_WITH(write_file(path, "x", FailingFiles("write", 0, ENOSPC)), "cannot write " + path.string() + ": No space left on device");
    std::string read(100, ' ');
    read.resize(static_cast<std::size_t>(std::max<ssize_t>(0, ::read(end, read.data(), read.size()))));
    ::close(end);
    CHECK(read == "through");
    CHECK(fs::is_fifo(fs::symlink_status(pipe)));
    CHECK(files_in(folder.path()) == 2);
  }
  CHECK(fs::is_symlink(folder.path() / "link"));
  CHECK_THROWS_WITH(write_file(folder.path(), "x"), Contains("Is a directory"));
}
