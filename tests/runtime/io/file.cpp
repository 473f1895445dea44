#include <uwaga/ir/error.h>
#include <uwaga/runtime/io/file.h>
#include <uwaga/runtime/io/sha256.h>

#include <algorithm>
#include <cerrno>
#include <fstream>

#include "tests/catch.h"
#include "tests/runtime/io/failing_files.h"

using namespace uwaga;
namespace fs = std::filesystem;

namespace {

std::size_t files_in(const fs::path& folder) {
  return std::distance(fs::directory_iterator(folder), fs::directory_iterator());
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
