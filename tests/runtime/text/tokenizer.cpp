#include <uwaga/ir/error.h>
#include <uwaga/runtime/io/file.h>
#include <uwaga/runtime/text/quote.h>
#include <uwaga/runtime/text/sentencepiece.h>
#include <uwaga/runtime/text/tokenizer.h>
#include <uwaga/runtime/text/utf8.h>

#include <nlohmann/json.hpp>

#include "tests/catch.h"
#include "tests/runtime/shared_data.h"

using namespace uwaga;
using Ids = std::vector<std::int32_t>;

namespace {

// A vocabulary of the 259 fixed pieces and these.
std::vector<SentencePieceTokenizer::Piece> vocabulary(std::vector<SentencePieceTokenizer::Piece> own) {
  std::vector<SentencePieceTokenizer::Piece> pieces = {{"<unk>", 0}, {"\n<s>\n", 0}, {"\n</s>\n", 0}};
  for (int b = 0; b < 256; ++b) pieces.push_back({"<0x" + std::to_string(b) + ">", 0});
  pieces.insert(pieces.end(), own.begin(), own.end());
  return pieces;
}

std::string file_of(const std::vector<SentencePieceTokenizer::Piece>& pieces, std::int32_t longest = 8) {
  const auto raw = [](auto value) { return std::string(reinterpret_cast<const char*>(&value), sizeof value); };
  std::string file = raw(longest);
  for (const auto& piece : pieces)
    file += raw(piece.score) + raw(static_cast<std::int32_t>(piece.text.size())) + piece.text;
  return file;
}

}  // namespace

TEST_CASE("UTF-8 is decoded strictly") {
  std::string all;
  const std::vector<char32_t> values = {0, 0x7f, 0x80, 0x7ff, 0x800, 0xd7ff, 0xe000, 0xffff, 0x10000, 0x10ffff};
  for (char32_t c : values) append_utf8(all, c);
  std::size_t at = 0;
  for (char32_t c : values) {
    const auto found = decode_utf8(all, at);
    REQUIRE(found);
    CHECK(found->value == c);
    at += found->bytes;
  }
  CHECK(at == all.size());
  for (const char* bad : {"\x80", "\xc0\x80", "\xc1\xbf", "\xe0\x80\x80", "\xed\xa0\x80", "\xf0\x80\x80\x80",
                          "\xf4\x90\x80\x80", "\xf8\x88\x80\x80", "\xff", "\xc3", "\xe2\x82", "\xc3("})
    CHECK_FALSE(decode_utf8(bad, 0));
}

TEST_CASE("quoted text cannot drive a terminal and is cut") {
  CHECK(quote("ab\"\\\n\t\x1b\x7fż") == "\"ab\\\"\\\\\\n\\t\\x1b\\x7fż\"");
  CHECK(quote("\xff\xc2\x9b") == "\"\\xff\\xc2\\x9b\"");
  CHECK(quote(std::string(200, 'a'), 10) == "\"aaaaaaaaaa\"...");
}

TEST_CASE("the byte tokenizer gives every byte back") {
  std::string all;
  for (int b = 0; b < 256; ++b) all += static_cast<char>(b);
  const ByteTokenizer tokenizer;
  CHECK(tokenizer.decode(tokenizer.encode(all)) == all);
  CHECK(tokenizer.encode("az") == Ids{97, 122});
  CHECK_THROWS_WITH(tokenizer.decode(Ids{256}), "token id 256 is outside the vocabulary of 256");
  CHECK_THROWS_AS(tokenizer.decode(Ids{-1}), Error);
  CHECK(load_tokenizer(tokenizer.save())->encode(all) == tokenizer.encode(all));
}

TEST_CASE("the character tokenizer numbers the characters of its text in order") {
  const auto tokenizer = CharacterTokenizer::train("żółw a\nz😀");
  CHECK(tokenizer.vocab_size() == 9);
  CHECK(tokenizer.encode("\n a") == Ids{0, 1, 2});
  CHECK(tokenizer.decode(tokenizer.encode("z😀łóż")) == "z😀łóż");
  CHECK_THROWS_WITH(tokenizer.encode("aż b"),
                    "character \"b\" (U+0062) at byte 4 is not among the 9 of the training text");
  CHECK_THROWS_WITH(tokenizer.encode("a\xff"), "the text is not UTF-8: byte 0xff at offset 1");
  CHECK_THROWS_AS(tokenizer.decode(Ids{9}), Error);
  CHECK_THROWS_AS(CharacterTokenizer::train(""), Error);
  const auto again = load_tokenizer(tokenizer.save());
  CHECK(again->vocab_size() == 9);
  CHECK(again->encode("żółw") == tokenizer.encode("żółw"));
}

TEST_CASE("a tokenizer's JSON is not trusted") {
  for (const char* bad : {"", "[]", "{}", R"({"type":1})", R"({"type":"x"})", R"({"type":"character"})",
                          R"({"type":"character","characters":""})", R"({"type":"character","characters":"aa"})",
                          R"({"type":"sentencepiece","pieces":[]})", R"({"type":"sentencepiece","pieces":[1]})",
                          R"({"type":"sentencepiece","pieces":[["ł",1]]})"}) {
    INFO(bad);
    CHECK_THROWS_AS(load_tokenizer(bad), Error);
  }
}

TEST_CASE("sentencepiece joins the best score first and falls back to bytes") {
  const SentencePieceTokenizer tokenizer(vocabulary(
      {{" ", -10}, {"a", -11}, {"b", -12}, {"ab", -1}, {" a", -2}, {"ba", -1}, {"aba", -3}, {"<s>", -1}, {"", 5}}));
  const std::int32_t space = 259, a = 260, ab = 262, aba = 265;
  CHECK(tokenizer.encode("") == Ids{1});
  CHECK(tokenizer.encode("ab") == Ids{1, space, ab});
  CHECK(tokenizer.encode("aba") == Ids{1, space, aba});  // Of "ab" and "ba", equal in score, the left one.
  CHECK(tokenizer.encode("a<") == Ids{1, 263, 3 + '<'});
  CHECK(tokenizer.encode("ł\xff") == Ids{1, space, 3 + 0xc5, 3 + 0x82, 3 + 0xff});
  for (const char* text : {"", "ab", "  ab ba", "<s>", "<0x97>", "ł\xff", "\n"})
    CHECK(tokenizer.decode(tokenizer.encode(text)) == text);
  CHECK(tokenizer.decode(Ids{263, a, 2}) == " aa");
  CHECK_THROWS_AS(tokenizer.decode(Ids{268}), Error);
  const auto again = load_tokenizer(tokenizer.save());
  CHECK(again->vocab_size() == tokenizer.vocab_size());
  CHECK(again->encode("abba ł") == tokenizer.encode("abba ł"));
}

TEST_CASE("a sentencepiece file is not trusted") {
  const auto pieces = vocabulary({{"a", -1}, {"b", -2}});
  const std::string good = file_of(pieces);
  const auto parse = [](const std::string& bytes, int size) { return SentencePieceTokenizer::parse(bytes, size, "t"); };
  CHECK(parse(good, 261).vocab_size() == 261);
  CHECK_THROWS_WITH(parse(good, 260), "t: 9 bytes follow the 260 pieces; is the vocabulary larger?");
  CHECK_THROWS_WITH(parse(good, 262), Contains("ends at byte"));
  CHECK_THROWS_WITH(parse(good, 2'000'000'000), Contains("cannot hold a vocabulary of 2000000000"));
  CHECK_THROWS_AS(parse(good, -1), Error);
  for (std::size_t i = 0; i < good.size(); i += 3) CHECK_THROWS_AS(parse(good.substr(0, i), 261), Error);
  CHECK_THROWS_WITH(parse(file_of(vocabulary({{"123456789", 0}})), 260), Contains("piece 259 has 9 bytes"));
  CHECK_THROWS_WITH(parse(file_of(vocabulary({{"a", NAN}})), 260), Contains("score of piece 259 is not finite"));
  std::string negative = good;
  negative[good.size() - 2] = '\xff';  // The top byte of the last length.
  CHECK_THROWS_AS(parse(negative, 261), Error);
}

TEST_CASE("the stories260K tokenizer agrees with its oracle") {
  const auto folder = shared_data("checkpoints/stories260K");
  if (!folder) {
    WARN("skipped: the shared data are not here");
    return;
  }
  const auto tokenizer = SentencePieceTokenizer::read(*folder / "tok512.bin", 512);
  const std::string text = read_file(*folder / "expected_greedy200.txt");
  const Ids ids = tokenizer.encode(text);
  CHECK(tokenizer.decode(ids) == text);
  Ids expected;
  std::istringstream tokens(read_file(*shared_data("checkpoints/stories260K-hf") / "tokens.txt"));
  for (std::int32_t id; tokens >> id;) expected.push_back(id);
  CHECK(Ids(ids.begin(), ids.begin() + expected.size()) == expected);
  CHECK_THROWS_AS(SentencePieceTokenizer::read(*folder / "tok512.bin", 511), Error);
}

TEST_CASE("the llama tokenizer agrees with the reference ids") {
  const auto path = shared_data("tokenizers/llama2/tokenizer.bin");
  const auto oracle = shared_data("tokenizer-oracles/expected_ids.json");
  if (!path || !oracle) {
    WARN("skipped: the shared data are not here");
    return;
  }
  const auto tokenizer = SentencePieceTokenizer::read(*path, 32000);
  const auto cases = nlohmann::json::parse(read_file(*oracle)).at("Xenova/llama-tokenizer");
  CHECK(cases.size() == 36);
  for (const auto& c : cases) {
    const std::string text = c.at("text"), name = c.at("name");
    INFO(name << ": " << text);
    CHECK(tokenizer.encode(text) == c.at("ids").get<Ids>());
    if (name != "SPIECE_UNDERSCORE") CHECK(tokenizer.decode(tokenizer.encode(text)) == text);
  }
}
