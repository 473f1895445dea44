#include <uwaga/ir/error.h>
#include <uwaga/runtime/io/file.h>
#include <uwaga/runtime/io/safetensors.h>
#include <uwaga/runtime/io/sharded.h>

#include <algorithm>
#include <cstring>

#include "tests/catch.h"
#include "tests/runtime/shared_data.h"

using namespace uwaga;
namespace fs = std::filesystem;

namespace {

std::string file_of(const std::string& header, std::size_t data_bytes) {
  std::string file;
  for (int i = 0; i < 8; ++i) file += static_cast<char>(header.size() >> (8 * i));
  return file + header + std::string(data_bytes, '\0');
}

SafetensorsFile parse(const std::string& header, std::size_t data_bytes) {
  return SafetensorsFile::parse(file_of(header, data_bytes), "x");
}

}  // namespace

TEST_CASE("tensors of every dtype come back as they were written, in any order given") {
  const TemporaryFolder folder;
  const fs::path path = folder.path() / "x.safetensors";
  std::vector<std::vector<std::byte>> data;
  std::vector<StoredTensor> tensors;
  for (int d = 0; d < kDTypes; ++d) {
    for (const std::vector<std::int64_t>& shape :
         {std::vector<std::int64_t>{}, std::vector<std::int64_t>{3}, std::vector<std::int64_t>{2, 0, 5}}) {
      std::int64_t n = 1;
      for (auto e : shape) n *= e;
      data.emplace_back(n * size_of(static_cast<DType>(d)),
                        static_cast<std::byte>(d != static_cast<int>(boolean) ? d + 1 : 1));
      tensors.push_back(
          {"t\"\n" + std::to_string(d) + "." + std::to_string(shape.size()), static_cast<DType>(d), shape, {}});
    }
  }
  for (std::size_t i = 0; i < tensors.size(); ++i) tensors[i].bytes = data[i];
  write_safetensors(path, tensors, {{"format", "pt"}, {"ąę", "\\"}});
  const std::string first = read_file(path);
  std::reverse(tensors.begin(), tensors.end());
  write_safetensors(path, tensors, {{"format", "pt"}, {"ąę", "\\"}});
  CHECK(read_file(path) == first);

  for (auto access : {SafetensorsFile::Access::copy, SafetensorsFile::Access::map}) {
    const SafetensorsFile file(path, access);
    CHECK(file.metadata() == std::map<std::string, std::string>{{"format", "pt"}, {"ąę", "\\"}});
    REQUIRE(file.tensors().size() == tensors.size());
    for (const StoredTensor& t : tensors) {
      const StoredTensor* found = file.find(t.name);
      REQUIRE(found);
      CHECK(found->dtype == t.dtype);
      CHECK(found->shape == t.shape);
      CHECK(std::equal(found->bytes.begin(), found->bytes.end(), t.bytes.begin(), t.bytes.end()));
    }
    CHECK(file.find("t") == nullptr);
  }
}

TEST_CASE("an empty file of tensors is a file of tensors") {
  CHECK(parse("{}", 0).tensors().empty());
  CHECK(parse("{}   ", 0).metadata().empty());
}

TEST_CASE("hostile safetensors are refused in one sentence") {
  const std::string good = R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})";
  CHECK(parse(good, 8).tensors().size() == 1);
  const auto refuses = [](const std::string& header, std::size_t bytes, const std::string& message) {
    INFO(header);
    CHECK_THROWS_WITH(parse(header, bytes), Contains(message));
    CHECK_THROWS_AS(parse(header, bytes), Error);
  };
  CHECK_THROWS_WITH(SafetensorsFile::parse("1234567", "x"), "x: 7 bytes are too few for a safetensors file");
  CHECK_THROWS_WITH(SafetensorsFile::parse(std::string(8, '\xff'), "x"), Contains("at most 100000000 are allowed"));
  CHECK_THROWS_WITH(SafetensorsFile::parse(file_of(good, 0).substr(0, 20), "x"),
                    "x: a header of 54 bytes in a file of 20");
  CHECK_THROWS_WITH(SafetensorsFile::parse("once upon a time\n", "x"),
                    "x is no safetensors file: the header does not begin with {");
  refuses("", 0, "does not begin with {");
  refuses(" {}", 0, "does not begin with {");
  refuses("[]", 0, "does not begin with {");
  refuses("{", 0, "not valid JSON");
  refuses("{} x", 0, "not valid JSON");
  refuses(good, 7, "data_offsets [0, 8) lie outside the 7 bytes of data");
  refuses(good, 9, "9 bytes of data and its tensors end at 8");
  refuses(R"({"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}})", 8,
          "F32 [3] takes 12 bytes and its data_offsets hold 8");
  refuses(R"({"a":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}})", 8, "non-negative integer");
  refuses(R"({"a":{"dtype":"F32","shape":[2.0],"data_offsets":[0,8]}})", 8, "non-negative integer");
  refuses(R"({"a":{"dtype":"F32","shape":[9223372036854775808],"data_offsets":[0,8]}})", 8, "non-negative integer");
  refuses(R"({"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0]}})", 0, "out of range");
  refuses(R"({"a":{"dtype":"F32","shape":[1,2],"data_offsets":[8,0]}})", 8, "lie outside");
  refuses(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0]}})", 8, "list of two integers");
  refuses(R"({"a":{"dtype":"F31","shape":[2],"data_offsets":[0,8]}})", 8, "dtype \"F31\" is not one of F64 F32");
  refuses(R"({"a":{"dtype":3,"shape":[2],"data_offsets":[0,8]}})", 8, "expected a string");
  refuses(R"({"a":{"dtype":"F32","shape":2,"data_offsets":[0,8]}})", 8, "shape is not a list");
  refuses(R"({"a":{"dtype":"F32","shape":[2]}})", 8, "expected an object of dtype, shape and data_offsets");
  refuses(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8],"x":1}})", 8, "expected an object of");
  refuses(R"({"a":{"dtype":"F32","shape":[2],"offsets":[0,8]}})", 8, "\"data_offsets\" is missing");
  refuses(R"({"a":[[[[[[]]]]]]})", 8, "nested deeper than 4 levels");
  refuses("{\"a\":" + std::string(1'000'000, '['), 8, "nested deeper");
  refuses(R"({"__metadata__":{"a":1}})", 0, "expected a string");
  refuses(R"({"__metadata__":{"a":"b","a":"c"}})", 0, "duplicate key \"a\"");
  const std::string a = R"("a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]})";
  refuses("{" + a + "," + a + "}", 4, "duplicate key \"a\"");
  refuses("{" + a + R"(,"b":{"dtype":"U8","shape":[4],"data_offsets":[5,9]}})", 9, "the one before it ends at 4");
  refuses("{" + a + R"(,"b":{"dtype":"U8","shape":[4],"data_offsets":[3,7]}})", 7, "the one before it ends at 4");
  refuses("{" + a + R"(,"b":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}})", 4, "begins at byte 0");
  refuses("{\"\x1b[2J\xff\":1}", 0, "not valid JSON");
  std::string bools = file_of(R"({"a":{"dtype":"BOOL","shape":[2],"data_offsets":[0,2]}})", 2);
  bools.back() = 2;
  CHECK_THROWS_WITH(SafetensorsFile::parse(bools, "x"), "x: tensor \"a\": element 1 is 2, a BOOL is 0 or 1");
}

TEST_CASE("every truncation and every changed header byte is an Error or a file, never anything else") {
  const std::string good = file_of(
      R"({"__metadata__":{"k":"v"},"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"BOOL","shape":[],"data_offsets":[8,9]}})",
      9);
  const auto survives = [](const std::string& text) {
    try {
      SafetensorsFile::parse(text, "x");
    } catch (const Error&) {
    }
  };
  for (std::size_t i = 0; i < good.size(); ++i) {
    survives(good.substr(0, i));
    for (int value : {0, 1, 34, 48, 57, 91, 123, 127, 200, 255}) {
      std::string bad = good;
      bad[i] = static_cast<char>(value);
      survives(bad);
    }
  }
  SUCCEED();
}

TEST_CASE("a tensor that does not fit its shape, or a name used twice, is not written") {
  const TemporaryFolder folder;
  const std::vector<std::byte> data(8);
  const StoredTensor good{"a", f32, {2}, data}, bad{"b", f32, {3}, data}, reserved{"__metadata__", f32, {2}, data};
  const fs::path path = folder.path() / "x";
  CHECK_THROWS_WITH(write_safetensors(path, std::vector{bad}), Contains("F32 [3] takes 12 bytes and was given 8"));
  CHECK_THROWS_WITH(write_safetensors(path, std::vector{good, good}), Contains("used twice"));
  CHECK_THROWS_WITH(write_safetensors(path, std::vector{reserved}), Contains("reserved"));
  CHECK_FALSE(fs::exists(path));
}

TEST_CASE("tensors are written one after the other from one piece of memory") {
  const TemporaryFolder folder;
  const std::vector<std::byte> ones(8, std::byte{1}), twos(24, std::byte{2});
  const std::vector tensors{StoredTensor{"b", f32, {2}, ones}, StoredTensor{"a", f64, {3}, twos}};
  write_safetensors(folder.path() / "whole", tensors, {{"k", "v"}});
  std::vector<std::byte> one;
  std::vector<std::string> asked;
  write_safetensors(folder.path() / "pieces", std::vector{StoredTensor{"b", f32, {2}, {}}, StoredTensor{"a", f64, {3}, {}}},
                    [&](const StoredTensor& t) {
                      asked.push_back(t.name);
                      one = t.name == "a" ? twos : ones;
                      return std::span<const std::byte>(one);
                    }, {{"k", "v"}});
  CHECK(asked == std::vector<std::string>{"a", "b"});
  CHECK(read_file(folder.path() / "pieces") == read_file(folder.path() / "whole"));
  CHECK_THROWS_WITH(write_safetensors(folder.path() / "bad", std::vector{StoredTensor{"a", f64, {3}, {}}},
                                      [&](const StoredTensor&) { return std::span<const std::byte>(ones); }),
                    Contains("F64 [3] takes 24 bytes and was given 8"));
  CHECK(std::distance(fs::directory_iterator(folder.path()), fs::directory_iterator()) == 2);
}

TEST_CASE("sharded weights are found through their index, which names plain files only") {
  const TemporaryFolder folder;
  const std::vector<std::byte> data(8);
  write_safetensors(folder.path() / "1.safetensors", std::vector{StoredTensor{"a", f32, {2}, data}});
  write_safetensors(folder.path() / "2.safetensors",
                    std::vector{StoredTensor{"b", i32, {2}, data}, {"c", i64, {1}, data}});
  const fs::path index = folder.path() / "model.safetensors.index.json";
  CHECK_THROWS_AS(Weights(folder.path()), SystemError);
  write_file(
      index,
      R"({"metadata":{"total_size":24},"weight_map":{"a":"1.safetensors","b":"2.safetensors","c":"2.safetensors"}})");
  const Weights weights(folder.path());
  CHECK(weights.tensors().size() == 3);
  CHECK(weights.find("b")->dtype == i32);
  CHECK(weights.find("x") == nullptr);

  write_file(index, R"({"weight_map":{"b":"1.safetensors"}})");
  CHECK_THROWS_WITH(Weights(folder.path()), Contains("tensor \"b\" is not in \"1.safetensors\""));
  for (const char* name : {"../x", "/etc/passwd", "", ".", "..", "a/b", "a\\\\b", "a\\u0000b"}) {
    INFO(name);
    CHECK_THROWS_WITH(parse_shard_index(std::string(R"({"weight_map":{"a":")") + name + "\"}}", "i"),
                      Contains("not a plain file name"));
  }
  CHECK_THROWS_AS(parse_shard_index("{}", "i"), Error);
  CHECK_THROWS_AS(parse_shard_index(R"({"weight_map":[]})", "i"), Error);
}

TEST_CASE("the stories260K weights load") {
  const auto path = shared_data("checkpoints/stories260K-hf");
  if (!path) {
    WARN("skipped: the shared data are not here");
    return;
  }
  const Weights weights(*path, SafetensorsFile::Access::map);
  const StoredTensor* embed = weights.find("model.embed_tokens.weight");
  REQUIRE(embed);
  CHECK(embed->dtype == f32);
  CHECK(embed->shape == std::vector<std::int64_t>{512, 64});
}
