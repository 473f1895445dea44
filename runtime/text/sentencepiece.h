// SentencePiece BPE with byte fallback, as the LLaMA family uses it, from the binary files of llama2.c.
//
//   auto tokenizer = SentencePieceTokenizer::read("tok512.bin", /*vocab_size=*/512);
//   tokenizer.encode("Once upon a time");          // 1 403 407 261 378: begin, then pieces
//
// Method: a space is put before the text; its characters are looked up, unknown ones become their bytes; then the
// neighbours whose joint piece has the best score are joined (the leftmost on ties) until none are a piece.
// (Sennrich et al. 2016, https://arxiv.org/abs/1508.07909; Kudo and Richardson 2018, https://arxiv.org/abs/1808.06226.)
//
// Ids 0, 1 and 2 are unknown, begin and end of a text; 3 to 258 are the bytes "<0x00>" to "<0xFF>". None of them is
// ever made from text that looks like them. `encode` begins with id 1; `decode` leaves ids 1 and 2 out, drops one
// space right after id 1, and so gives back what was encoded (but a space for U+2581, which SentencePiece takes for
// one).
//
// The file: int32 longest piece, then for each id float32 score, int32 length, bytes. Read as hostile: Error.
#pragma once

#include <uwaga/runtime/text/tokenizer.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace uwaga {

class SentencePieceTokenizer final : public Tokenizer {
 public:
  struct Piece {
    std::string text;  // A space, not U+2581, for the space.
    float score = 0;
  };

  static constexpr std::int32_t kUnknown = 0, kBegin = 1, kEnd = 2, kFirstByte = 3;

  // Throws Error for a file of another vocabulary size or otherwise wrong, SystemError where it cannot be read.
  static SentencePieceTokenizer read(const std::string& path, std::int32_t vocab_size);
  // The bytes of such a file; `what` begins the errors' sentences.
  static SentencePieceTokenizer parse(std::string_view bytes, std::int32_t vocab_size, std::string_view what);
  // What `save` wrote. Throws Error.
  static SentencePieceTokenizer load(std::string_view json);

  // By id. Throws Error for fewer than the 259 that every vocabulary begins with, or a score that is not finite.
  explicit SentencePieceTokenizer(std::vector<Piece> pieces);
  // Moves only: ids_ looks into pieces_, whose strings stay where they are when the vector moves.
  SentencePieceTokenizer(SentencePieceTokenizer&&) = default;
  SentencePieceTokenizer& operator=(SentencePieceTokenizer&&) = default;

  std::vector<std::int32_t> encode(std::string_view text) const override;
  std::string decode(std::span<const std::int32_t> ids) const override;
  std::int32_t vocab_size() const override { return static_cast<std::int32_t>(pieces_.size()); }
  std::string save() const override;
  std::optional<std::int32_t> begin_id() const override { return kBegin; }
  std::optional<std::int32_t> end_id() const override { return kEnd; }

 private:
  std::vector<Piece> pieces_;
  struct Ids;
  std::shared_ptr<const Ids> ids_;  // Views of pieces_, which never changes.
};

}  // namespace uwaga
